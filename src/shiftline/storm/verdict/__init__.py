"""Limiter or capacity? What a run's requests say about the server; pure, as the knee search is."""
