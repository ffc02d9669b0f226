"""The training loop, its saved state, and the early check of settings."""
