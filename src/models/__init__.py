"""Networks, training, evaluation, export to ONNX."""
