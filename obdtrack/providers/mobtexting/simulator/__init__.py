"""A stand-in for MobTexting with a scenario for each trouble. Imports nothing of ours."""
