"""A model file -> the same with its weights in half precision: half the size, for repositories and downloads."""

import logging
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from src.errors import ModelFileError
from src.files import write_whole

logger = logging.getLogger(__name__)

# Smaller tensors (biases, constants of shapes) stay as they are: they save nothing, and some must be exact.
_LEAST_SIZE = 1024


def compress_weights(source: Path, target: Path) -> None:
    """Store the large weights as float16, followed by a cast to float32.

    The arithmetic stays as it was: runtimes undo the cast when they load the file. What changes is each weight's
    rounding, by at most one part in 2,048.

    Args:
        source: ONNX file with float32 weights.
        target: ONNX file to write, with the same inputs, outputs and metadata; may be `source`.

    Raises:
        ModelFileError: A weight is too large for float16, or the file holds no large float32 weight.
    """
    model = onnx.load(source)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < _LEAST_SIZE:
            continue
        name = tensor.name
        with np.errstate(over="ignore"):
            half = numpy_helper.to_array(tensor).astype(np.float16)
        if not np.isfinite(half).all():
            raise ModelFileError(f"{source}: weight {name} does not fit float16")
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    if not casts:
        raise ModelFileError(f"{source}: no float32 weight of {_LEAST_SIZE} values or more; is it compressed already?")
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    with write_whole(target) as temporary:
        onnx.save(model, temporary)
    logger.info("%s: %.1f MB, from %.1f MB", target, target.stat().st_size / 1e6, source.stat().st_size / 1e6)
