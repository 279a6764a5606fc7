"""The HTTP service: no torch, no pandas."""
