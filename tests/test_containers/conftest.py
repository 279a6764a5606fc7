"""Real images by a real engine: LONGHAND_CONTAINERS=1 (scripts/test_containers.sh sets it, and starts an engine)."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import cv2
import pytest
import yaml

from tests.test_models.drawn_samples import draw

ROOT = Path(__file__).parents[2]
IMAGES = {"ingestion_image": "src/data", "training_image": "src/models", "prediction_image": "src/api"}


def call(command: str, cwd: Path = ROOT, seconds: float = 900, **environment: str) -> str:
    """Run a line of shell as a person types it; what it writes to stdout. A failure shows all that it said."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, f"{command}: code {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-6000:]}"
    return done.stdout


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    if os.environ.get("LONGHAND_CONTAINERS") != "1":
        pytest.skip("images are built and run only with LONGHAND_CONTAINERS=1: bash scripts/test_containers.sh")
    assert shutil.which("docker-compose"), "docker-compose is missing"
    call("docker info")


@pytest.fixture(scope="session")
def images(engine: None) -> None:
    """All three images, built with the documented commands; LONGHAND_BUILD_OPTIONS for this machine's network."""
    options = os.environ.get("LONGHAND_BUILD_OPTIONS", "")
    for image, folder in IMAGES.items():
        call(f"docker build {options} -t {image} -f {folder}/Dockerfile .", seconds=1800)


@pytest.fixture(scope="session")
def word() -> bytes:
    """An image of a word."""
    return cv2.imencode(".png", draw("hello", 3))[1].tobytes()


@pytest.fixture(scope="session")
def small_params(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A params.yaml of a small sample and a short training."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["sample"] |= {"words": 700, "writers": 30}
    params["classifier"]["epochs"] = 2
    params["recognizer"] |= {
        "max_minutes": 0.5,
        "columns_per_batch": 2048,
        "checkpoint_minutes": 0.2,
        "quantize": False,
    }
    params["language"]["languages"] = []
    params["evaluate"]["bootstrap_rounds"] = 50
    # Three writers and seconds of training: what counts here is that a winner gets into service.
    params["gate"] |= {"confidence_level": 0.5, "slice_margin": 1.0, "calibration_error": 1.0, "disagreement": 1.0}
    params["gate"]["milliseconds"] = 1000.0
    file = tmp_path_factory.mktemp("params") / "params.yaml"
    file.write_text(yaml.safe_dump(params))
    file.chmod(0o644)
    return file


def quoted(path: Path) -> str:
    return shlex.quote(str(path))
