"""Receipts, and what they hash."""
