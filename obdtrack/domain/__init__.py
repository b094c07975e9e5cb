"""Pure Python: what calls, reports and timelines are. No clock, no network, no database."""
