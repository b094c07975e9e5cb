"""Polling the provider about calls whose report has not come."""
