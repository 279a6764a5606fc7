"""One reader a ground-truth format; all return the same rows."""
