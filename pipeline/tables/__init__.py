"""Numbers, notes and forms of tables."""
