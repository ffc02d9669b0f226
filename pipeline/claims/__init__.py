"""A paper's printed claims, asked of its own printed numbers."""
