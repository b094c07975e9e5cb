"""Tables and the questions asked of them; the only place that speaks SQL."""
