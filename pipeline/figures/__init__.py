"""Kinds of figures, one module each, found by its name, and what they share."""
