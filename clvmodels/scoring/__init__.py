"""Scoring: models kept in files, and customers valued from them."""
