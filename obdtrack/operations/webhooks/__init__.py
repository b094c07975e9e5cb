"""Setting up and trying the provider's webhook."""
