"""Who may do what, and who did: API keys and the audit."""
