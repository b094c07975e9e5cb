"""What breaks obdtrack on purpose: the helpers of `tests/faults`."""
