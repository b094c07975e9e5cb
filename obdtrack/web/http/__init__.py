"""What every request shares: sign-in, errors, bodies, logs, limits."""
