"""Adoption of a data set from a folder of the user's: read, checked against what is known of it, never written to."""
