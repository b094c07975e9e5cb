"""Figures of calls, counted as calls change."""
