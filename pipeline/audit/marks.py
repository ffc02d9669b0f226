"""Signs of the three verdicts, and what they mean."""

HOLDS, FAILS, ABSENT = "✓", "✗", "○"
STATES = {HOLDS: "holds", FAILS: "fails", ABSENT: "not present"}
