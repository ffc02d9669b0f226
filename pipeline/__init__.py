"""Reproducibility pipeline for papers that adapt image super-resolution models to new domains."""
