"""Packed images, their manifests, and batches made of them."""
