"""Splitters and negative samplers that keep evaluation free of leakage."""
