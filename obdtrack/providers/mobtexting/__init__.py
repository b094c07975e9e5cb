"""MobTexting: its API, its words and its reports, read into ours."""
