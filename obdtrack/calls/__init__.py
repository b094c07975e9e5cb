"""Calls: how they are changed, looked up and shown."""
