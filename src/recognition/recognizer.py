"""Images in, text out: a recognizer's file run by OpenVINO."""

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from queue import Empty, LifoQueue
from threading import Lock
from typing import Any, Literal

import numpy as np
import openvino
from numpy.typing import NDArray

from src.errors import ImageError, ModelFileError
from src.recognition.beam import Fusion
from src.recognition.careful import copies_of
from src.recognition.interpretation import Interpreter
from src.recognition.model_file import ModelInfo, info_of, read_network
from src.recognition.normalize import GreyImage, normalize_with_extent
from src.recognition.reading import Reading
from src.recognition.vocabulary import Vocabulary

Precision = Literal["auto", "f32", "bf16"]

# Widths are padded to a multiple of this and only equal widths share a batch: what an image reads as does not depend on
# its neighbours, and OpenVINO, which prepares kernels for each new shape, sees few shapes.
_WIDTH_STEP = 32
_COLUMNS_PER_BATCH = 8192  # twice as many: not faster, and 50 MB more
# OpenVINO's binding prepares itself at a process's first inference, and two threads that come to it at once wait for
# each other for ever. So a model reads a blank image while it is loaded, and one model at a time does.
_FIRST_INFERENCE = Lock()


def padded_width(columns: int) -> int:
    """Columns that the network runs over for an image of so many; images for which it is equal share a batch."""
    return math.ceil(columns / _WIDTH_STEP) * _WIDTH_STEP


class Recognizer(Interpreter):
    """A loaded recognizer; it may be used from several threads at once. Make one with `Recognizer.load`."""

    def __init__(self, compiled: openvino.CompiledModel, info: ModelInfo) -> None:
        super().__init__(info)
        self._compiled = compiled
        # A request holds the buffers of one inference and serves one thread at a time; as many are made as ran at once.
        self._idle: LifoQueue[openvino.InferRequest] = LifoQueue()

    @classmethod
    def load(cls, path: Path, precision: Precision = "auto", threads: int | None = None) -> "Recognizer":
        """Read a model file and compile it for this machine's CPU.

        Args:
            path: The ONNX file.
            precision: Arithmetic; "auto" is bf16 where the CPU has it in hardware, else f32.
            threads: Threads of one inference; None: OpenVINO's choice (all physical cores).

        Returns:
            The recognizer, ready to read.

        Raises:
            ModelFileError: The file is missing, unreadable, or not a recognizer's, or the network gives another number
                of frames or classes than its description says.
        """
        network = read_network(path)
        info = info_of(network, path)
        # Pinned threads of two processes would fight for one core while another idles.
        options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
        if precision != "auto":
            options["INFERENCE_PRECISION_HINT"] = precision
        if threads is not None:
            options["INFERENCE_NUM_THREADS"] = threads
        recognizer = cls(openvino.Core().compile_model(network, "CPU", options), info)
        with _FIRST_INFERENCE:
            recognizer.log_probs([np.zeros((info.normalization.height, 1), np.uint8)])
        return recognizer

    @cached_property
    def precision(self) -> str:
        """The arithmetic in use: "f32" or "bf16"."""
        precision: str = self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        return precision

    def log_probs(self, images: Sequence[GreyImage]) -> list[NDArray[np.float32]]:
        """Run the network over normalised images.

        Args:
            images: uint8 [height, W_i] each, as `normalize` gives them.

        Returns:
            For each image float32 [ceil(W_i / stride), classes]: log softmax; class 0 is the CTC blank.

        Raises:
            ImageError: An image has not the model's height, or no column.
            ModelFileError: The network gives another number of frames or classes than its description says.
        """
        height, stride = self.info.normalization.height, self.info.stride
        groups: dict[int, list[int]] = {}
        for index, image in enumerate(images):
            if image.ndim != 2 or image.shape[0] != height or image.shape[1] == 0 or image.dtype != np.uint8:
                raise ImageError(f"expected a normalised uint8 image [{height}, W], got {image.dtype} {image.shape}")
            groups.setdefault(padded_width(image.shape[1]), []).append(index)
        results: dict[int, NDArray[np.float32]] = {}
        for width, indices in groups.items():
            size = max(1, _COLUMNS_PER_BATCH // width)
            for first in range(0, len(indices), size):
                members = indices[first : first + size]
                batch = np.zeros((len(members), height, width), dtype=np.uint8)
                for row, index in enumerate(members):
                    batch[row, :, : images[index].shape[1]] = images[index]
                for index, frames in zip(members, self._infer(batch), strict=True):
                    results[index] = frames[: math.ceil(images[index].shape[1] / stride)]
        return [results[index] for index in range(len(images))]

    def views(self, images: Sequence[GreyImage], careful: Sequence[bool]) -> list[list[NDArray[np.float32]]]:
        """Run the network over normalised images, and over wider copies of those that are to be read with care.

        Args:
            images: As for `log_probs`, whose errors it raises.
            careful: For each image whether its copies are looked at.

        Returns:
            For each image what the network says of it, then of its copies if there are any: float32 [T, classes] each.
        """
        shown = [[image, *copies_of(image)] if care else [image] for image, care in zip(images, careful, strict=True)]
        said = iter(self.log_probs([image for each in shown for image in each]))
        return [[next(said) for _ in each] for each in shown]

    def read(
        self,
        images: Sequence[GreyImage],
        vocabulary: Sequence[str] | Vocabulary | None = None,
        alternatives: int = 0,
        fusion: Fusion | None = None,
        careful: bool = False,
    ) -> list[Reading]:
        """Read images of words or lines.

        Args:
            images: Grey uint8 [H, W], any size.
            vocabulary: The only texts that may be read; None: any text of the charset. Make a long list a `Vocabulary`
                once (`self.vocabulary`), not for every call.
            alternatives: How many other texts to give at most.
            fusion: A language model that has a say in free reading; with a vocabulary it has none.
            careful: Read wider copies as well, which then have a say: fewer errors, for three to four times the time.

        Returns:
            One reading an image. With a vocabulary whose entries are all too long for the image: an empty text with
            confidence 0.

        Raises:
            CharsetError: No entry of the vocabulary can be written with the model's charset.
            ImageError: An image is not grey uint8, or is empty.
        """
        if vocabulary is not None and not isinstance(vocabulary, Vocabulary):
            vocabulary = self.vocabulary(vocabulary)
        normalized = [normalize_with_extent(image, self.info.normalization) for image in images]
        views = self.views([image for image, _ in normalized], [careful] * len(images))
        return [
            self.interpret(frames, extent, alternatives, fusion, vocabulary, copies)
            for (frames, *copies), (_, extent) in zip(views, normalized, strict=True)
        ]

    def _infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Log probabilities float32 [batch, width / stride, classes] of images uint8 [batch, height, width]."""
        try:
            request = self._idle.get_nowait()
        except Empty:
            request = self._compiled.create_infer_request()
        try:
            output = request.infer({0: batch}, share_inputs=True)[0]
        finally:
            self._idle.put(request)
        result: NDArray[np.float32] = output
        expected = (len(batch), batch.shape[2] // self.info.stride, self.charset.size)
        if result.shape != expected:  # a runtime that misreads a graph must not pass for a short text
            raise ModelFileError(f"model {self.info.name}: its output has the shape {result.shape}, not {expected}")
        return result
