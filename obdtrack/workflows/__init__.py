"""What the application does, one verb a file."""
