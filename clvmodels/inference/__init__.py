"""Inference: how a model's parameters are found; a method knows no model by name."""
