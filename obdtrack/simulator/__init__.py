"""A stand-in for the voice provider, on loopback only: for the demo and for tests."""
