"""Providers of calls: a protocol, a registry, and one folder per vendor."""
