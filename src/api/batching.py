"""Images that come together are read together: a queue, and threads that run the network over what waits in it."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

from src.monitoring.metrics import Metrics
from src.recognition.normalize import Extent, GreyImage, normalize_with_extent
from src.recognition.reading import Reading
from src.recognition.recognizer import Recognizer, padded_width
from src.recognition.vocabulary import Vocabulary


@dataclass(eq=False)
class Job:
    """One image that waits to be read.

    Attributes:
        recognizer: The model that it is normalised for and that reads it, also if another is in service by then.
        image: uint8 [height, W], normalised.
        extent: Which columns of the image that is.
        alternatives: How many other texts to give at most.
        vocabulary: The only texts that may be read; None: any text.
        careful: Whether copies are read as well.
        reading: What comes of it; the job is left out if it is cancelled before its turn.
        arrived: When it began to wait, by `time.monotonic`.
    """

    recognizer: Recognizer
    image: GreyImage
    extent: Extent
    alternatives: int = 0
    vocabulary: Vocabulary | None = None
    careful: bool = False
    reading: "Future[Reading]" = field(default_factory=Future)
    arrived: float = field(default_factory=time.monotonic)

    @classmethod
    def of(
        cls,
        recognizer: Recognizer,
        image: GreyImage,
        alternatives: int,
        vocabulary: Vocabulary | None,
        careful: bool = False,
    ) -> "Job":
        """Normalise a grey image, uint8 [H, W], for a model."""
        shown = normalize_with_extent(image, recognizer.info.normalization)
        return cls(recognizer, *shown, alternatives, vocabulary, careful)

    @property
    def width(self) -> int:
        """Columns that the network runs over."""
        return padded_width(self.image.shape[1])

    def fits(self, other: "Job") -> bool:
        """Whether both may be in one batch."""
        # The network runs once over equal widths: with others in the batch, the first would wait for the last.
        return self.recognizer is other.recognizer and self.width == other.width


class Batcher:
    """Threads that read the jobs of a queue, the oldest first and with it those that are as wide.

    A batch waits for others only while an image is known to be on its way (`expect`), and not longer than `wait`: one
    that comes alone is read at once.

    Args:
        metrics: Where queue, sizes and times are noted.
        threads: Batches that are read at the same time.
        size: Images of one batch at most.
        wait: Seconds that the oldest waits for others at most.
    """

    def __init__(self, metrics: Metrics, threads: int, size: int, wait: float) -> None:
        self._metrics, self._size, self._wait = metrics, size, wait
        self._jobs: deque[Job] = deque()
        self._expected = 0
        self._closed = False
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._work, name=f"reader-{n}", daemon=True) for n in range(threads)]

    def start(self) -> None:
        """Begin to read."""
        for thread in self._threads:
            thread.start()

    @contextmanager
    def expect(self) -> Iterator[None]:
        """Say that a job is being made."""
        with self._changed:
            self._expected += 1
        try:
            yield
        finally:
            with self._changed:
                self._expected -= 1
                self._changed.notify_all()

    def submit(self, job: Job) -> "Future[Reading]":
        """Let a job wait for its turn; its reading comes, or the error that it raised.

        Raises:
            RuntimeError: The threads have ended.
        """
        with self._changed:
            if self._closed:
                raise RuntimeError("the service is being stopped")
            self._jobs.append(job)
            self._metrics.queue.set(len(self._jobs))
            self._changed.notify_all()
        return job.reading

    def close(self) -> None:
        """Read what waits, then end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while batch := self._take():
            running = [job for job in batch if job.reading.set_running_or_notify_cancel()]
            try:
                self._read(running)
            except Exception as error:
                # Those who wait get it, and it is logged there; the thread goes on with the next batch.
                for job in running:
                    if not job.reading.done():
                        job.reading.set_exception(error)

    def _read(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        start = time.perf_counter()
        recognizer = jobs[0].recognizer
        views = recognizer.views([job.image for job in jobs], [job.careful for job in jobs])
        readings = [
            recognizer.interpret(own, job.extent, job.alternatives, vocabulary=job.vocabulary, copies=copies)
            for job, (own, *copies) in zip(jobs, views, strict=True)
        ]
        seconds = time.perf_counter() - start
        self._metrics.batch_size.observe(len(jobs))
        for job, reading in zip(jobs, readings, strict=True):
            self._metrics.inference_time.observe(seconds / len(jobs))
            job.reading.set_result(reading)

    def _take(self) -> list[Job]:
        """Wait for a batch; an empty one ends the thread."""
        with self._changed:
            while (seconds := self._patience()) is None or seconds > 0:
                self._changed.wait(seconds)
            if not self._jobs:
                return []
            first = self._jobs[0]
            batch = [job for job in self._jobs if job.fits(first)][: self._size]
            taken = set(batch)
            self._jobs = deque(job for job in self._jobs if job not in taken)
            self._metrics.queue.set(len(self._jobs))
            return batch

    def _patience(self) -> float | None:
        """Seconds to wait before a batch is cut; None: until something changes."""
        if not self._jobs:
            return 0.0 if self._closed else None
        first = self._jobs[0]
        full = sum(job.fits(first) for job in self._jobs) >= self._size
        if full or not self._expected or self._closed:
            return 0.0
        return first.arrived + self._wait - time.monotonic()
