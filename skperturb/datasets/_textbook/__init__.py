"""Textbook models, one module per field, written from their published equations."""
