"""Frozen networks that see images: VGG-19, CLIP, LPIPS."""
