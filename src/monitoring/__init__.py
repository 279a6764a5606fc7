"""The names of all metrics; drift."""
