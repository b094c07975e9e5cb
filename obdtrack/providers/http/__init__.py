"""One bounded HTTP exchange with a provider."""
