"""Longhand: handwriting recognition that its users own."""
