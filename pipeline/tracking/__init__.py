"""Finished runs in MLflow."""
