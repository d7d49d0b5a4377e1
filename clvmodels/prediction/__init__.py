"""Prediction: what customers are expected to do, and what they may really do."""
