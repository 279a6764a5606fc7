"""Networks, training, evaluation and export: the only rooms that import torch."""
