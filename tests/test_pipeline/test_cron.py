"""The whole loop by a real cron daemon: a first model, corrections, a second model that reads them and is promoted."""

import json
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from tests.test_api.server import serve
from tests.test_models.drawn_samples import LETTERS, draw
from tests.test_models.test_teach import lean
from tests.test_pipeline.made_project import make_project

logger = logging.getLogger(__name__)

CORRECTIONS = 260
TABLE = Path("/etc/cron.d/longhand-test")

pytestmark = pytest.mark.skipif(
    shutil.which("cron") is None or os.geteuid() != 0, reason="needs cron and root (Debian: apt install cron)"
)


@pytest.fixture
def cron() -> Iterator[None]:
    """A cron daemon; one that runs already serves as well."""
    TABLE.unlink(missing_ok=True)
    daemon = subprocess.Popen(["cron", "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        TABLE.unlink(missing_ok=True)
        daemon.terminate()
        daemon.wait(10)


def schedule(project: Path, url: str) -> None:
    """Each minute; cron reads a table that was renamed into its folder."""
    database = f"sqlite:///{project}/longhand.db"
    lines = [
        f"PYTHONPATH={project}", f"LONGHAND_DATABASE_URL={database}", f"LONGHAND_SERVICE_URL={url}",
        f"* * * * * root /bin/bash {project}/run_mlops_pipeline.sh --local >>{project}/cron.log 2>&1",
    ]  # fmt: skip
    temporary = project / "crontab"
    temporary.write_text("\n".join(lines) + "\n")
    shutil.copy(temporary, TABLE)


def unfamiliar(count: int, seed: int) -> list[tuple[str, bytes]]:
    """Words as the first model misreads them: strings that no language has, leaning far back."""
    random = np.random.default_rng(seed)
    texts = ["".join(random.choice(list(LETTERS), random.integers(3, 7))) for _ in range(count)]
    pages = [lean(draw(text, seed + number)) for number, text in enumerate(texts)]
    return [(text, cv2.imencode(".png", page)[1].tobytes()) for text, page in zip(texts, pages, strict=True)]


def state(project: Path) -> dict[str, object]:
    file = project / "data" / "pipeline" / "state.json"
    return json.loads(file.read_text()) if file.exists() else {}


def until(project: Path, holds: Callable[[dict[str, object]], bool], seconds: float) -> dict[str, object]:
    """Wait for a state of the pipeline; a failed run ends the test."""
    deadline = time.monotonic() + seconds
    while True:
        now = state(project)
        told = (project / "cron.log").read_text()[-6000:] if (project / "cron.log").exists() else "cron began nothing"
        assert now.get("outcome") != "failed", told
        if now.get("succeeded") and holds(now):
            return now
        assert time.monotonic() < deadline, told
        time.sleep(1)


def test_corrections_are_learnt_judged_and_served_by_cron_alone(tmp_path, cron):
    project = make_project(tmp_path / "project", 900, 36, 0.75)
    settings = {"registry": project / "models" / "registry", "keys": "off", "follow_seconds": 0.5}
    with serve(project, None, **settings) as service, httpx.Client(base_url=service.url, timeout=60) as client:

        def read(image: bytes) -> dict[str, object]:
            answer = client.post("/predict/", files={"file": ("word.png", image)})
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

        def version() -> str:
            return str(client.get("/ready").json()["model"]["version"])

        released = version()
        schedule(project, service.url)
        first = until(project, lambda now: now.get("learnt") is not None, 400)
        assert first["outcome"] == "trained", (project / "cron.log").read_text()[-6000:]
        before = version()
        assert before != released

        # A run may be at work: what comes in now is for the next.
        TABLE.unlink()
        exam = unfamiliar(60, 5000)
        misread = sum(read(image)["text"] != text for text, image in exam)
        assert misread > 20, "nothing to learn"
        for text, image in unfamiliar(CORRECTIONS, 100):
            told = {"prediction_id": str(read(image)["id"]), "text": text}
            assert client.post("/corrections", data=told).status_code == 201
        schedule(project, service.url)
        second = until(project, lambda now: now.get("learnt") != first["learnt"], 400)
        assert second["outcome"] == "trained", (project / "cron.log").read_text()[-6000:]
        after = version()
        assert after not in (before, released), "the service took the winner by itself"
        left = sum(read(image)["text"] != text for text, image in exam)
        assert left <= misread / 2, f"{misread} of 60 misread before, {left} now"

        third = until(project, lambda now: now.get("outcome") == "nothing_new", 200)
        assert third["learnt"] == second["learnt"]
        assert version() == after
    verdict = json.loads((project / "reports_gate" / "verdict.json").read_text())
    assert verdict["challenger"] == after
    assert "corrections" in (project / "reports_gate" / "slices.csv").read_text(), "some were held out for the gate"
    logger.warning("%d of 60 words misread before, %d after; %s", misread, left, verdict["reason"])
