"""Kinds of figures: one module each, found by its name; `Settings`, and `draw(settings)` → a sheet and its numbers."""
