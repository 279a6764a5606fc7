"""The queue: images that come together are read together, and each gets its own reading."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from src.api.batching import Batcher, Job
from src.errors import ImageError
from src.monitoring.metrics import Metrics
from src.recognition.normalize import Extent
from src.recognition.recognizer import Recognizer
from tests.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return Recognizer.load(write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx"), threads=1)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def batcher(metrics: Metrics) -> Iterator[Batcher]:
    batcher = Batcher(metrics, threads=1, size=4, wait=2)
    batcher.start()
    yield batcher
    batcher.close()


def picture(bars: int) -> np.ndarray:
    """So many dark bars, each of which the tiny model reads as a letter."""
    grey = np.full((60, 60 + 60 * bars), 255, np.uint8)
    for bar in range(bars):
        grey[20:40, 40 + 60 * bar : 60 + 60 * bar] = 20
    return grey


def job(recognizer: Recognizer, bars: int) -> Job:
    return Job.of(recognizer, picture(bars), alternatives=0, vocabulary=None)


def batches(metrics: Metrics) -> tuple[float, float]:
    """How many batches were read, and how many images in them."""
    value = metrics.registry.get_sample_value
    return value("inference_batch_size_count") or 0.0, value("inference_batch_size_sum") or 0.0


def test_one_that_comes_alone_does_not_wait(batcher, recognizer):
    start = time.monotonic()
    reading = batcher.submit(job(recognizer, 2)).result(timeout=5)
    assert time.monotonic() - start < 1.5
    assert reading == recognizer.read([picture(2)])[0]


def test_one_waits_for_those_on_their_way_and_shares_their_batch(batcher, recognizer, metrics):
    with batcher.expect():
        first = batcher.submit(job(recognizer, 2))
        time.sleep(0.05)
        assert not first.done()
        second = batcher.submit(job(recognizer, 2))
    assert first.result(timeout=5) == second.result(timeout=5) == recognizer.read([picture(2)])[0]
    assert batches(metrics) == (1, 2)


def test_it_does_not_wait_longer_than_allowed(batcher, recognizer):
    start = time.monotonic()
    with batcher.expect():
        batcher.submit(job(recognizer, 1)).result(timeout=5)
    assert 1.8 < time.monotonic() - start < 10


def test_a_full_batch_waits_for_nobody(batcher, recognizer, metrics):
    start = time.monotonic()
    with batcher.expect():
        waiting = [batcher.submit(job(recognizer, 2)) for _ in range(4)]
        for one in waiting:
            one.result(timeout=5)
        assert time.monotonic() - start < 1.5
    assert batches(metrics) == (1, 4)


def test_a_word_does_not_share_a_batch_with_a_line(batcher, recognizer, metrics):
    with batcher.expect():
        line, word = (batcher.submit(job(recognizer, bars)) for bars in (12, 1))
    expected = [recognizer.read([picture(bars)])[0] for bars in (12, 1)]
    assert [line.result(timeout=5), word.result(timeout=5)] == expected
    assert batches(metrics) == (2, 2)


def test_a_careful_one_and_others_in_one_batch_are_read_as_alone(batcher, recognizer, metrics):
    with batcher.expect():
        jobs = [Job.of(recognizer, picture(2), 0, None, careful) for careful in (True, False, True)]
        waiting = [batcher.submit(one) for one in jobs]
    careful, plain = (recognizer.read([picture(2)], careful=care)[0] for care in (True, False))
    assert careful != plain
    assert [one.result(timeout=5) for one in waiting] == [careful, plain, careful]
    assert batches(metrics) == (1, 3)


def test_images_that_the_network_cannot_run_over_at_once_share_no_batch(batcher, recognizer, metrics):
    pictures = [picture(2), np.pad(picture(2), ((0, 0), (0, 200)), mode="edge"), picture(2)]
    pictures[1][:, 170:180] = pictures[1].min()  # a taller stroke more: shown smaller
    with batcher.expect():
        jobs = [Job.of(recognizer, one, 0, None) for one in pictures]
        waiting = [batcher.submit(one) for one in jobs]
    widths = [one.image.shape[1] for one in jobs]
    assert 32 <= abs(widths[1] - widths[0]) < 96, widths
    assert [one.result(timeout=5) for one in waiting] == [recognizer.read([one])[0] for one in pictures]
    assert batches(metrics) == (2, 3)


def test_many_threads_get_each_its_own_reading(batcher, recognizer):
    expected = {bars: recognizer.read([picture(bars)])[0] for bars in range(1, 6)}
    wrong: list[int] = []

    def read(bars: int) -> None:
        for _ in range(20):
            if batcher.submit(job(recognizer, bars)).result(timeout=20) != expected[bars]:
                wrong.append(bars)

    threads = [threading.Thread(target=read, args=(bars,)) for bars in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_error_reaches_those_who_wait_and_nobody_else(batcher, recognizer):
    bad = Job(recognizer, np.zeros((7, 32), np.uint8), Extent.of_normalized(32))
    with pytest.raises(ImageError, match="normalised"):
        batcher.submit(bad).result(timeout=5)
    assert batcher.submit(job(recognizer, 2)).result(timeout=5).text


def test_a_job_that_nobody_waits_for_is_left_out(batcher, recognizer, metrics):
    with batcher.expect():
        gone = batcher.submit(job(recognizer, 2))
        assert gone.cancel()
        batcher.submit(job(recognizer, 2))
    batcher.close()
    assert batches(metrics) == (1, 1)


def test_what_waits_is_read_before_the_end_and_nothing_after(recognizer, metrics):
    batcher = Batcher(metrics, threads=2, size=4, wait=30)
    batcher.start()
    with batcher.expect():
        waiting = batcher.submit(job(recognizer, 3))
        batcher.close()
        assert waiting.result(timeout=0) == recognizer.read([picture(3)])[0]
        with pytest.raises(RuntimeError, match="stopped"):
            batcher.submit(job(recognizer, 3))
