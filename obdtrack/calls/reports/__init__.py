"""Reports that reach the callback: stored raw, matched, put on timelines."""
