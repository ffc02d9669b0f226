"""Adopt a data set from the user's folder: read it, check it against what is known of the data set, never write to it."""
