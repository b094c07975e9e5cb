"""Placing calls, never twice."""
