"""The loop as a person goes it by hand: misread words are corrected, taught, put into service, and read right."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.test_api.server import ROOT, serve
from tests.test_pipeline.test_cron import unfamiliar


def longhand(folder: Path, *arguments: str) -> str:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("LONGHAND_", "MLFLOW_"))}
    environment = own | {"PYTHONPATH": str(ROOT), "LONGHAND_DATABASE_URL": f"sqlite:///{folder / 'longhand.db'}"}
    command = [sys.executable, "-m", "src.cli", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_misread_words_are_corrected_taught_and_then_read_right(tmp_path):
    shutil.copytree(ROOT / "models" / "released", tmp_path / "models" / "released")
    few = "{steps: 60, columns: 1024, epochs: 1, rehearsed: 100, others: 12, max_minutes: 3}"
    (tmp_path / "params.yaml").write_text(f"teach: {few}\n")
    exam, lesson = unfamiliar(40, 5000), unfamiliar(120, 100)
    settings = {"registry": tmp_path / "models" / "registry", "keys": "off", "follow_seconds": 0.5}
    with serve(tmp_path, None, **settings) as service, httpx.Client(base_url=service.url, timeout=60) as client:

        def read(image: bytes) -> dict[str, object]:
            return dict(client.post("/predict/", files={"file": ("word.png", image)}).json())

        before = sum(read(image)["text"] != text for text, image in exam)
        assert before > 10, "nothing to learn"
        for text, image in lesson:
            told = {"prediction_id": str(read(image)["id"]), "text": text, "writer": "a new hand"}
            assert client.post("/corrections", data=told).status_code == 201
        archive = longhand(tmp_path, "import", "--corrections").strip()
        assert "learnt from" in longhand(tmp_path, "teach", archive)
        longhand(tmp_path, "models", "register", "models/taught/recognizer.onnx")
        longhand(tmp_path, "models", "promote", "1", "--reason", "it was taught what the service misread")
        deadline = time.monotonic() + 30
        while not (version := client.get("/ready").json()["model"]["version"]).endswith("-taught"):
            assert time.monotonic() < deadline, version
            time.sleep(0.2)
        after = sum(read(image)["text"] != text for text, image in exam)
    assert after <= before / 2, f"{before} of {len(exam)} misread before, {after} after"
    assert "it was taught what the service misread" in longhand(tmp_path, "models", "history")
