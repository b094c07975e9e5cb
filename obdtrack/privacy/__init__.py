"""What a person may ask for: erasure, export, retention, not to be called."""
