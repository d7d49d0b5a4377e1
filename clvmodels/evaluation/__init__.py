"""Evaluation: every answer held against purchases that really happened."""
