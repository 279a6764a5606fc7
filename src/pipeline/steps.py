"""The four steps of a run: ingestion, training, prediction, monitoring."""

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import httpx

from src.client import Client
from src.data.artefacts import read_columns
from src.data.extract_raw_data import find_archives
from src.data.import_ground_truth import import_ground_truth
from src.data.samples import PackedSamples
from src.data.synthesis import sample_archive
from src.errors import PipelineError, RegistryError
from src.files import write_whole_folder
from src.paths import Paths, start_beside
from src.pipeline.inbox import take_in
from src.pipeline.stages import data_stages, run_stages, stages
from src.pipeline.state import State, fingerprint, read_state, write_state
from src.recognition import Recognizer, read_info
from src.recognition.images import decode_image
from src.registry.client import CHAMPION, answering, client
from src.registry.promotion import publish
from src.registry.published import read_published, sha256_of
from src.service_commands import has_corrections, write_corrections

logger = logging.getLogger(__name__)

DEFAULT_URL = "http://127.0.0.1:8000"
_CORRECTIONS = "corrections"
_EXCHANGE_SECONDS = 60.0  # until a running service must read with a new champion


def ingestion(paths: Paths) -> None:
    """Bring archives and corrections in, and make samples of them.

    Archives of LONGHAND_INBOX, where that is set, are copied first. Without any archive the sample archive is drawn.
    The corrections of the service's store (LONGHAND_DATABASE_URL) become data/raw/corrections.tar.gz, which is left
    alone where nothing changed, and while a training is in work: if each correction began it anew, it might never end.
    After three tries they come in all the same.

    Raises:
        LonghandError: An archive cannot be read, the store cannot be opened, or a stage fails.
    """
    state = read_state(paths)
    state.started, state.seconds, state.failed_step = time.time(), {}, None
    write_state(paths, state)
    take_in(paths.raw, besides=_CORRECTIONS)
    if state.in_work and state.waits_for(fingerprint(paths)):
        logger.info("a training is in work: corrections that are newer wait until it has ended")
    else:
        _bring_corrections(paths, state)
    if not find_archives(paths.raw).keys() - {_CORRECTIONS}:  # corrections alone are of too few hands to be split
        logger.info("%s holds no archive: the sample is drawn", paths.raw)
        sample_archive.main()
    new = fingerprint(paths)
    if new == state.learnt:
        logger.info("nothing is new since the last training")
        if (paths.split / "test.txt").exists() and paths.samples.exists():
            return
        logger.info("the samples are missing, as after a restore: they are made again")
        state.done = []
    else:
        logger.info("there is something new to learn")
        state.begin(new)
        write_state(paths, state)
    names = data_stages(paths.root)
    run_stages(paths, names, state.done, _noting(paths, state))


def training(paths: Paths) -> None:
    """Train on what is new, from the champion's weights; evaluate, register, judge.

    A run that was killed is taken up: stages that ended are not run again, and the training goes on from its last
    checkpoint.

    Raises:
        PipelineError: A stage failed.
        RegistryError: There is something to learn, and the registry is away.
    """
    state = read_state(paths)
    new = fingerprint(paths)
    try:
        _follow_server(paths)
    except RegistryError as error:
        if new != state.learnt:  # hours of training would end without a place to go
            raise
        logger.warning("%s Nothing is new, so that it is not needed tonight.", error)
    if new == state.learnt:
        logger.info("nothing is new: nothing is trained")
        state.outcome = "nothing_new"
        write_state(paths, state)
        return
    state.begin(new)
    state.tries += 1
    write_state(paths, state)
    if "train_recognizer" not in state.done:
        _start_from_champion(paths)
    run_stages(paths, list(stages(paths.root)), state.done, _noting(paths, state))
    state.learnt, state.in_work, state.done, state.tries = new, None, [], 0
    state.outcome = "trained" if _in_service(paths) else "refused"
    logger.info("the new model is %s", "in service" if state.outcome == "trained" else "not promoted: see reports_gate")
    write_state(paths, state)


def prediction(paths: Paths) -> None:
    """See that the service reads with the champion.

    The service is LONGHAND_SERVICE_URL's, http://127.0.0.1:8000 by default. Where none runs there, the champion's file
    is read with.

    Raises:
        PipelineError: The service does not take the champion, or does not read.
    """
    url = os.environ.get("LONGHAND_SERVICE_URL", DEFAULT_URL)
    champion = read_published(paths.registry, CHAMPION)
    image, text = _test_image(paths)
    try:
        ready = httpx.get(f"{url}/ready", timeout=10.0)
    except httpx.HTTPError as error:
        if "LONGHAND_SERVICE_URL" in os.environ:
            raise PipelineError(f"{url}: the service does not answer: {error}") from error
        (reading,) = Recognizer.load(paths.served_model).read([decode_image(image)])
        logger.info("no service answers at %s; read from the file: %r is %r", url, text, reading.text)
        return
    until = time.monotonic() + _EXCHANGE_SECONDS
    while champion and (ready.status_code != 200 or ready.json()["model"]["version"] != champion.version):
        if time.monotonic() > until:
            raise PipelineError(
                f"{url}: reads with {ready.text.strip()} after {_EXCHANGE_SECONDS:.0f} s, and not with the champion "
                f"{champion.version}: does LONGHAND_REGISTRY of the service name this registry?"
            )
        time.sleep(1.0)
        ready = httpx.get(f"{url}/ready", timeout=10.0)
    with Client(url, key=os.environ.get("LONGHAND_KEY")) as client:
        prediction = client.read(image)
    logger.info("%s reads with %s: %r is %r", url, prediction.model.version, text, prediction.text)


def timed(paths: Paths, name: str, step: Callable[[Paths], None]) -> None:
    """Run a step, and remember how long it took."""
    began = time.monotonic()
    step(paths)
    state = read_state(paths)
    state.seconds[name] = round(time.monotonic() - began, 1)
    write_state(paths, state)


def _bring_corrections(paths: Paths, state: State) -> None:
    archive = paths.raw / f"{_CORRECTIONS}.tar.gz"
    there = has_corrections()
    if there is None:
        return  # there is no store: what a person imported stays
    if not there:
        if state.corrections is not None:
            archive.unlink(missing_ok=True)  # all were forgotten
            state.corrections = None
            write_state(paths, state)
        return
    with tempfile.TemporaryDirectory(prefix="longhand-") as folder:
        exported = write_corrections(Path(folder) / f"{_CORRECTIONS}.tar.gz")
        digest = sha256_of(exported)
        if digest == state.corrections and archive.exists():
            return
        import_ground_truth(exported, paths.raw, name=_CORRECTIONS, collection=_CORRECTIONS)
    logger.info("corrections came in")
    state.corrections = digest
    write_state(paths, state)


def _follow_server(paths: Paths) -> None:
    """Bring the registry's folder to what another registry says; the one beside it is followed by each promotion."""
    if os.environ.get("MLFLOW_TRACKING_URI"):
        with answering(paths):
            publish(paths, client(paths))


def _start_from_champion(paths: Paths) -> None:
    """Put the champion's weights where trainings begin; where there are none, the released ones serve."""
    champion = read_published(paths.registry, CHAMPION)
    model = paths.registry / champion.file if champion else None
    if model is not None and start_beside(model).exists():
        with write_whole_folder(paths.start) as folder:
            for file in (model, start_beside(model)):
                shutil.copyfile(file, folder / file.name)
        return
    if model is not None:
        logger.warning("%s has no weights beside it: the training does not start from the champion", model)
    if paths.start.exists():
        logger.warning("%s is of an earlier champion and is removed: the released weights serve", paths.start)
        shutil.rmtree(paths.start)


def _noting(paths: Paths, state: State) -> Callable[[str], None]:
    def note(name: str) -> None:
        state.done.append(name)
        write_state(paths, state)

    return note


def _in_service(paths: Paths) -> bool:
    """Whether the model that was trained last is the champion."""
    champion = read_published(paths.registry, CHAMPION)
    return champion is not None and champion.version == read_info(paths.recognizer_model).version


def _test_image(paths: Paths) -> tuple[bytes, str]:
    """A sample of the test part as a PNG, and its text."""
    listed = (paths.split / "test.txt").read_text(encoding="utf-8").split("\n")[0]
    texts = read_columns(paths.encoded, "encode_data", ["sample_id", "text"]).set_index("sample_id")["text"]
    samples = PackedSamples(paths.samples)
    picture = 255 - samples[samples.row_of(listed)]
    return cv2.imencode(".png", picture)[1].tobytes(), str(texts[listed])
