"""Telling others: the feed of what happened, destinations that are sent it, and alarms."""
