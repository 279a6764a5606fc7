"""Ground truth to samples, one module a stage."""
