"""From an upload's bytes to a prediction: the model in service, admission, decoding, the queue."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from fastapi import HTTPException
from sqlalchemy.exc import SQLAlchemyError

from src.api.batching import Batcher, Job
from src.api.recent import Recent
from src.api.schemas import ImageSize, Prediction
from src.api.settings import ServiceSettings
from src.api.shadow import Shadow
from src.api.store import Store
from src.errors import ModelFileError, StoreError
from src.monitoring.drift import Drift
from src.monitoring.metrics import Metrics
from src.recognition.appearance import look
from src.recognition.careful import COPIES
from src.recognition.images import decode_image
from src.recognition.normalize import GreyImage
from src.recognition.recognizer import Recognizer
from src.recognition.vocabulary import Vocabulary

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """How an image is to be read.

    Attributes:
        alternatives: How many other texts to give at most.
        min_confidence: A reading below it is flagged for review.
        vocabulary: Makes the only texts that may be read ready for a model (in a worker thread); None: any text.
        careful: Whether copies of it are read as well, which takes as much longer.
    """

    alternatives: int
    min_confidence: float
    vocabulary: Callable[[Recognizer], Vocabulary] | None = None
    careful: bool = False

    @property
    def readings(self) -> int:
        """How often the network looks at the image, itself and copies."""
        return 1 + len(COPIES) if self.careful else 1


@dataclass(frozen=True)
class _Prepared:
    """An image that is ready to be read; dozens may wait, and decoded ones would be large.

    Attributes:
        job: What waits for its turn.
        size: Of the image, as decoded.
        looks: What it looks like, in the order of `appearance.FEATURES`.
        image: Grey uint8 [H, W], as decoded; None unless a challenger may read it.
    """

    job: Job
    size: ImageSize
    looks: tuple[float, ...]
    image: GreyImage | None


class Reader:
    """Reads uploads with the model in service.

    Args:
        settings: The service's settings.
        metrics: The service's metrics.
        recent: Where readings are remembered, so that a correction can follow.
        store: Where readings are kept for review, if the settings say so.
        shadow: Reads a share of the images as well.
    """

    def __init__(
        self, settings: ServiceSettings, metrics: Metrics, recent: Recent, store: Store, shadow: Shadow
    ) -> None:
        self._settings, self._metrics, self._recent, self._store = settings, metrics, recent, store
        self._shadow = shadow
        self._batcher = Batcher(
            metrics, settings.concurrent_readings, settings.batch_size, settings.batch_wait_ms / 1000
        )
        # A few images are decoded at a time: an image may take as much memory as max_pixels allows.
        self._decoders: CapacityLimiter | None = None
        # Files of large requests take turns with single images, and do not fill the queue before them.
        self._files = asyncio.Semaphore(2 * settings.batch_size)
        self._careful_files = asyncio.Semaphore(max(1, 2 * settings.batch_size // (1 + len(COPIES))))
        self._waiting = 0
        self.drift = Drift(settings.drift_window, settings.drift_least)
        metrics.registry.register(self.drift)
        self.recognizer: Recognizer | None = None
        self.reason = "the model is being loaded"

    def start(self) -> None:
        """Begin to read, in the running event loop."""
        self._decoders = CapacityLimiter(self._settings.concurrent_readings + 1)
        self._batcher.start()

    def load(self, file: Path) -> None:
        """Take a model into service; requests go on with the one before until it is ready.

        Args:
            file: The recognizer's ONNX file.

        Raises:
            ModelFileError: It cannot be loaded; the model before, if there is one, stays in service.
        """
        settings = self._settings
        try:
            recognizer = Recognizer.load(file, settings.precision, settings.threads)
        except ModelFileError:
            self.reason = "no model is loaded: its file is missing or damaged; the service's log says which"
            self._metrics.model_exchanges.labels("failed").inc()
            raise
        self.recognizer = recognizer
        self.drift.compare_with(recognizer.info.reference)
        info = recognizer.info
        self._metrics.model.clear()
        self._metrics.model.labels(info.name, info.version).set(1)
        self._metrics.model_created.set(info.created.timestamp())
        self._metrics.model_measured.clear()
        for name, value in info.metrics.items():
            self._metrics.model_measured.labels(name).set(value)
        self._metrics.model_exchanges.labels("ok").inc()
        logger.info("serving %s %s (%s)", info.name, info.version, recognizer.precision)

    def close(self) -> None:
        """Read what waits, then end."""
        self._batcher.close()

    def current(self) -> Recognizer:
        """The model in service.

        Raises:
            HTTPException: None is loaded (503).
        """
        if self.recognizer is None:
            raise HTTPException(503, self.reason, {"Retry-After": "5"})
        return self.recognizer

    async def read(self, content: bytes, request: Request) -> Prediction:
        """Read one image file now, or refuse to.

        Raises:
            HTTPException: No model is loaded, too many requests wait, or this one has waited too long (503).
            ImageError: The bytes are no image, or one that is refused.
            CharsetError: No entry of the vocabulary can be written with the model's charset.
        """
        if self._waiting >= self._settings.max_waiting:
            raise self._busy("queue", f"{self._waiting} readings are waiting")
        self._waiting += request.readings
        try:
            async with asyncio.timeout(self._settings.max_seconds):
                return await self._read(content, request)
        except TimeoutError:
            raise self._busy("timeout", f"it has waited {self._settings.max_seconds:g} seconds") from None
        finally:
            self._waiting -= request.readings

    async def read_file(self, content: bytes, request: Request) -> Prediction:
        """Read one of many files, when its turn comes.

        Raises:
            HTTPException: No model is loaded (503).
            ImageError: The bytes are no image, or one that is refused.
            CharsetError: No entry of the vocabulary can be written with the model's charset.
        """
        async with self._careful_files if request.careful else self._files:
            return await self._read(content, request)

    def _busy(self, reason: str, detail: str) -> HTTPException:
        self._metrics.refused.labels(reason).inc()
        return HTTPException(503, f"the service is busy: {detail}", {"Retry-After": "1"})

    async def _read(self, content: bytes, request: Request) -> Prediction:
        recognizer = self.current()
        with self._batcher.expect():
            prepared = await to_thread.run_sync(self._prepare, recognizer, content, request, limiter=self._decoders)
            waiting = self._batcher.submit(prepared.job)
        reading = await asyncio.wrap_future(waiting)
        self.drift.observe(prepared.looks, reading.text)
        info, metrics = recognizer.info, self._metrics
        needs_review = reading.confidence < request.min_confidence
        prediction = Prediction.of(uuid.uuid4().hex, reading, prepared.size, info, needs_review)
        # Among a few texts all agree; and a challenger reads without copies.
        if prepared.image is not None and request.vocabulary is None and not request.careful:
            self._shadow.offer(prepared.image, reading.text)
        self._recent.add(prediction, content)
        if self._settings.keep_predictions:
            await to_thread.run_sync(self._keep, prediction, content)
        metrics.predictions.labels(info.name, info.version).inc()
        metrics.confidence.observe(reading.confidence)
        metrics.review.inc(needs_review)
        # Neither image nor text, unless the operator allows it: a log is read by more people than documents are.
        text = reading.text if self._settings.log_text else f"{len(reading.text)} characters"
        logger.info("read %s: %s", prediction.id, text, extra={"prediction": prediction.id})
        return prediction

    def _prepare(self, recognizer: Recognizer, content: bytes, request: Request) -> _Prepared:
        """Decode and normalise, in a worker thread."""
        image = decode_image(content, self._settings.max_pixels)
        vocabulary = request.vocabulary(recognizer) if request.vocabulary else None
        job = Job.of(recognizer, image, request.alternatives, vocabulary, request.careful)
        size = ImageSize(width=image.shape[1], height=image.shape[0])
        return _Prepared(job, size, look(image), image if self._shadow.share else None)

    def _keep(self, prediction: Prediction, content: bytes) -> None:
        """Keep a reading for review; the answer does not depend on it."""
        try:
            self._store.keep_prediction(prediction, content)
        except (StoreError, SQLAlchemyError) as error:
            logger.error("%s is not kept for review: %s", prediction.id, error)
