"""Images in, text out: a recognizer's file run by OpenVINO."""

import logging
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
from src.recognition.beam import Fusion, Hypothesis, beam_search, search
from src.recognition.charset import Charset
from src.recognition.decode import Alignment, align, greedy
from src.recognition.model_file import ModelInfo, info_of, read_network
from src.recognition.normalize import Extent, GreyImage, normalize_with_extent
from src.recognition.reading import Alternative, Character, Reading, Word, words_of
from src.recognition.vocabulary import Vocabulary, posterior, score_vocabulary

Precision = Literal["auto", "f32", "bf16"]

logger = logging.getLogger(__name__)

# Widths are padded to a multiple of this and only equal widths share a batch: what an image reads as does not depend on
# its neighbours, and OpenVINO, which prepares kernels for each new shape, sees few shapes.
_WIDTH_STEP = 32
_COLUMNS_PER_BATCH = 8192  # twice as many: not faster, and 50 MB more
_LEAST_BEAM = 16
# OpenVINO's binding prepares itself at a process's first inference, and two threads that come to it at once wait for
# each other for ever. So a model reads a blank image while it is loaded, and one model at a time does.
_FIRST_INFERENCE = Lock()


def padded_width(columns: int) -> int:
    """Columns that the network runs over for an image of so many; images for which it is equal share a batch."""
    return math.ceil(columns / _WIDTH_STEP) * _WIDTH_STEP


class Recognizer:
    """A loaded recognizer; it may be used from several threads at once. Make one with `Recognizer.load`."""

    def __init__(self, compiled: openvino.CompiledModel, info: ModelInfo) -> None:
        self.info = info
        self.charset = Charset(info.charset)
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

    def read(
        self,
        images: Sequence[GreyImage],
        vocabulary: Sequence[str] | Vocabulary | None = None,
        alternatives: int = 0,
        fusion: Fusion | None = None,
    ) -> list[Reading]:
        """Read images of words or lines.

        Args:
            images: Grey uint8 [H, W], any size.
            vocabulary: The only texts that may be read; None: any text of the charset. Make a long list a `Vocabulary`
                once (`self.vocabulary`), not for every call.
            alternatives: How many other texts to give at most.
            fusion: A language model that has a say in free reading; with a vocabulary it has none.

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
        frames = self.log_probs([image for image, _ in normalized])
        extents = [extent for _, extent in normalized]
        return [self.interpret(*item, alternatives, fusion, vocabulary) for item in zip(frames, extents, strict=True)]

    def vocabulary(self, texts: Sequence[str]) -> Vocabulary:
        """Make a list of texts ready to be read from; entries that the charset cannot write are left out, and logged.

        Raises:
            CharsetError: No entry can be written with the model's charset.
        """
        vocabulary = Vocabulary(texts, self.charset)
        if vocabulary.unwritable:
            unwritable = next(text for text in texts if self.charset.unknown(text))
            logger.warning("%d vocabulary entries cannot be read, as %r", vocabulary.unwritable, unwritable)
        return vocabulary

    def interpret(
        self,
        frames: NDArray[np.float32],
        extent: Extent | None = None,
        alternatives: int = 0,
        fusion: Fusion | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> Reading:
        """Find the text in what the network said of an image.

        Args:
            frames: float32 [T, classes], from `log_probs`.
            extent: Where the image's columns lie; None: places are columns of the normalised image.
            alternatives: How many other texts to give at most.
            fusion: A language model; None: the image alone decides.
            vocabulary: The only texts that may be read; None: any text of the charset.

        Returns:
            The reading; without a vocabulary, the alternatives come from a beam search and are scored exactly.
        """
        extent = extent or Extent.of_normalized(len(frames) * self.info.stride)
        if vocabulary is not None:
            return self._read_entry(frames, extent, vocabulary, alternatives)
        width = max(_LEAST_BEAM, 2 * alternatives)
        if fusion is not None:
            return self._read_with_language(frames, extent, search(frames, width, fusion=fusion), alternatives)
        alignment, calibration = greedy(frames), self.info.calibration
        calibrated = calibration.text.probability(alignment.confidences) if calibration and alignment.codes else None
        if calibrated is not None and not alternatives:
            return self._reading(alignment, extent, calibrated, ())
        candidates = [alignment.codes]
        if alternatives:
            candidates += [codes for codes in beam_search(frames, width) if codes != alignment.codes]
        probabilities = np.exp(score_vocabulary(frames, candidates)).clip(0.0, 1.0).tolist()
        own, confidence = probabilities[0], probabilities[0]
        if calibrated is not None:
            confidence = calibrated
            # What the text is not, the others share as the network has it; none is more probable than the text.
            share = (1.0 - confidence) / max(1.0 - own, 1e-9)
            probabilities = [min(confidence, share * probability) for probability in probabilities]
        others = sorted(range(1, len(candidates)), key=lambda index: -probabilities[index])[:alternatives]
        return self._reading(
            alignment,
            extent,
            confidence,
            tuple(Alternative(self.charset.decode(candidates[index]), probabilities[index]) for index in others),
        )

    def _read_with_language(
        self, frames: NDArray[np.float32], extent: Extent, found: Sequence[Hypothesis], alternatives: int
    ) -> Reading:
        """The best of what the search found; how probable it is among these, image and language taken together."""
        shares = posterior(np.array([hypothesis.score for hypothesis in found]))
        alignment = align(frames, found[0].codes)
        if alignment is None:  # a beam of texts that cannot be spelt has none that can
            raise ValueError("the search found a text that its own frames cannot spell")
        others = zip(found[1 : alternatives + 1], shares[1 : alternatives + 1].tolist(), strict=True)
        return self._reading(
            alignment,
            extent,
            float(shares[0]),
            tuple(Alternative(self.charset.decode(hypothesis.codes), share) for hypothesis, share in others),
        )

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

    def _read_entry(
        self, frames: NDArray[np.float32], extent: Extent, vocabulary: Vocabulary, alternatives: int
    ) -> Reading:
        """Read one of the entries."""
        found = vocabulary.score(frames, alternatives + 1)
        alignment = align(frames, self.charset.encode(found.texts[0])) if found.texts else None
        if alignment is None:
            return Reading("", 0.0, (), ())
        shares = found.posterior().tolist()
        others = tuple(Alternative(*other) for other in zip(found.texts[1:], shares[1:], strict=True))
        return self._reading(alignment, extent, shares[0], others)

    def _reading(
        self, alignment: Alignment, extent: Extent, confidence: float, alternatives: tuple[Alternative, ...]
    ) -> Reading:
        """Put characters and words together."""
        text, curves = self.charset.decode(alignment.codes), self.info.calibration
        own = alignment.confidences
        calibrated = own if curves is None else [curves.character.probability([value]) for value in own]
        characters = tuple(
            Character(character, probability, *(extent.column(frame * self.info.stride) for frame in span))
            for character, probability, span in zip(text, calibrated, alignment.spans, strict=True)
        )
        words = tuple(
            Word(
                text[start:end],
                math.prod(own[start:end]) if curves is None else curves.word.probability(own[start:end]),
            )
            for start, end in words_of(text)
        )
        return Reading(text, confidence, characters, words, alternatives)
