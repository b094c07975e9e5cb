"""Running an installation: checks, backlog, backup, moving."""
