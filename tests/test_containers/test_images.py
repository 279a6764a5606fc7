"""The images themselves: small, without what they do not need, and started by nobody of weight."""

import json
import time
from contextlib import contextmanager

import httpx
import pytest

from src.recognition.model_file import read_info
from tests.test_containers.conftest import IMAGES, ROOT, call

OWN = "10001"
# Megabytes, with the base image of the engine here (240 MB).
SIZES = {"prediction_image": 800, "ingestion_image": 1500, "training_image": 2800}


def test_dockerfiles_have_nothing_that_hadolint_minds():
    call("hadolint " + " ".join(f"{folder}/Dockerfile" for folder in IMAGES.values()))


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_is_small(images, image):
    megabytes = int(call(f"docker image inspect -f '{{{{.Size}}}}' {image}")) / 1e6
    base = int(call("docker image inspect -f '{{.Size}}' python:3.11-slim")) / 1e6
    print(f"{image}: {megabytes:.0f} MB, {megabytes - base:.0f} MB without its base")
    assert megabytes < SIZES[image]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_says_what_it_is(images, image):
    labels = json.loads(call(f"docker image inspect -f '{{{{json .Config.Labels}}}}' {image}"))
    assert labels["org.opencontainers.image.title"].startswith("Longhand")


@pytest.mark.parametrize("image", IMAGES)
def test_a_command_runs_as_an_ordinary_user(images, image):
    assert call(f"docker run --rm {image} id -u").strip() == OWN


@pytest.mark.parametrize("image", [image for image in IMAGES if image != "prediction_image"])
def test_a_container_goes_on_as_the_user_that_was_asked_for(images, image):
    assert call(f"docker run --rm --user 4321:4321 {image} id -u").strip() == "4321"


def missing(image: str, *names: str) -> list[str]:
    script = f"import importlib.util as u; print([n for n in {names!r} if u.find_spec(n) is None])"
    return list(eval(call(f'docker run --rm {image} python -c "{script}"')))


def test_images_hold_what_they_need_and_no_more(images):
    heavy = ("torch", "pandas", "mlflow", "dvc", "pip")
    assert missing("prediction_image", *heavy) == list(heavy)
    assert missing("ingestion_image", *heavy) == ["torch", "mlflow", "pip"]
    assert missing("training_image", *heavy) == ["pip"]
    version = call('docker run --rm training_image python -c "import torch; print(torch.version.cuda)"')
    assert version.strip() == "None", "CUDA is only there with --build-arg GPU=1"


@contextmanager
def service(options: str):
    """A container of the prediction image; the port is this machine's."""
    began = time.monotonic()
    name = call(f"docker run -d -p 127.0.0.1:0:8000 {options} prediction_image").strip()
    try:
        port = call(f"docker port {name} 8000").split(":")[-1].strip()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            while True:
                try:
                    if client.get("/ready").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                assert time.monotonic() - began < 60, call(f"docker logs {name} 2>&1")
                time.sleep(0.1)
            print(f"ready after {time.monotonic() - began:.1f} s")
            print("memory:", call(f"docker stats --no-stream --format '{{{{.MemUsage}}}}' {name}").strip())
            yield client, name
    finally:
        call(f"docker rm -f {name}")


NETWORK = "longhand-images"


@pytest.fixture(scope="module")
def network(engine):
    call(f"docker network create {NETWORK}")
    yield f"--network {NETWORK}"
    call(f"docker network rm {NETWORK}")


def test_the_service_reads_with_the_released_model(images, network, word):
    released = read_info(ROOT / "models" / "released" / "recognizer.onnx").version
    locked = "--read-only --tmpfs /tmp --tmpfs /app/data/service:uid=10001 --cap-drop ALL"
    with service(f"{network} {locked} --security-opt no-new-privileges") as (client, name):
        answer = client.post("/predict/", files={"file": ("word.png", word)})
        assert answer.status_code == 200, answer.text
        assert isinstance(answer.json()["text"], str)
        assert answer.json()["model"]["version"] == released
        until = time.monotonic() + 40
        while call(f"docker inspect -f '{{{{.State.Health.Status}}}}' {name}").strip() != "healthy":
            assert time.monotonic() < until, "the health check does not pass"
            time.sleep(1)


def test_the_service_needs_no_options(images, network, word):
    with service(network) as (client, _):
        prediction = client.post("/predict/", files={"file": ("word.png", word)}).json()
        told = client.post("/corrections", data={"prediction_id": prediction["id"], "text": "hello"})
        assert told.status_code == 201, told.text
