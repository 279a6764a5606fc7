"""docker-compose.yml: up, traffic, a training, the service with the winner, the loop's script, down."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from src.recognition.model_file import read_info
from tests.test_containers.conftest import ROOT, call, quoted

SERVICE, PROMETHEUS = "http://127.0.0.1:8000", "http://127.0.0.1:9090"
# There is no stand-in for Grafana's image where there is no registry.
WATCHING = "prometheus alertmanager node-exporter"


@pytest.fixture(scope="module")
def environment(images: None, small_params: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The project's file with a small params.yaml and a person's archive; volumes of the test's own."""
    folder = tmp_path_factory.mktemp("stack")
    shutil.copy(small_params, folder)
    call(f"python {quoted(ROOT)}/scripts/provide_data.py", cwd=folder, PYTHONPATH=str(ROOT))
    raw = folder / "data" / "raw"
    (raw / "raw_data.tar.gz").rename(raw / "mine.tar.gz")
    raw.chmod(0o755)
    mounted = {"volumes": [f"{small_params}:/app/params.yaml:ro", f"{raw}:/app/inbox:ro"]}
    override = folder / "small.yml"
    override.write_text(yaml.safe_dump({"services": {"ingestion": mounted, "training": mounted}}))
    return {"COMPOSE_FILE": f"{ROOT / 'docker-compose.yml'}:{override}", "COMPOSE_PROJECT_NAME": "longhand-test"}


@pytest.fixture(scope="module")
def compose(environment: dict[str, str]) -> Iterator[Callable[[str], str]]:
    def run(arguments: str) -> str:
        return call(f"docker-compose {arguments}", **environment)

    try:
        yield run
    finally:
        print(call("docker-compose ps -a; docker-compose logs --tail 15 2>&1", **environment)[-12000:])
        run("down -v")


def until(what: str, holds: Callable[[], object], seconds: float) -> float:
    began = time.monotonic()
    while True:
        try:
            if holds():
                return time.monotonic() - began
        except httpx.TransportError:
            pass
        assert time.monotonic() - began < seconds, f"not after {seconds} s: {what}"
        time.sleep(1)


def value(query: str) -> float:
    """A figure of Prometheus; NaN while there is none."""
    found = httpx.get(f"{PROMETHEUS}/api/v1/query", params={"query": query}).json()["data"]["result"]
    return float(found[0]["value"][1]) if found else float("nan")


def test_the_file_is_what_the_documents_say():
    parts = json.loads(call("docker-compose config --format json"))["services"]
    assert set(parts) == {
        "ingestion", "training", "mlflow", "prediction", "prometheus", "alertmanager", "node-exporter", "grafana",
    }  # fmt: skip
    published = {port["published"] for part in parts.values() for port in part.get("ports", [])}
    assert published == {"8000", "9090", "3000"}
    assert {port["host_ip"] for part in parts.values() for port in part.get("ports", [])} == {"127.0.0.1"}
    for name in ("ingestion", "training", "prediction"):
        assert parts[name]["container_name"] == f"{name}_service"
        assert parts[name]["image"] == f"{name}_image"
    for name, part in parts.items():
        assert part["cap_drop"] == ["ALL"] and part["mem_limit"], name
        assert part["security_opt"] == ["no-new-privileges:true"], name
        assert part.get("read_only", False) or name == "training", name
    grafana = parts["grafana"]["environment"]
    assert (grafana["GF_SECURITY_ADMIN_USER"], grafana["GF_SECURITY_ADMIN_PASSWORD"]) == ("admin", "admin")


def test_the_stack_reads_trains_and_takes_the_winner(compose, environment, word):
    began = time.monotonic()
    compose(f"up -d --no-build prediction {WATCHING}")
    print(f"up after {time.monotonic() - began:.0f} s")
    client = httpx.Client(base_url=SERVICE, timeout=30)
    until("the service is ready", lambda: client.get("/ready").status_code == 200, 60)
    released = read_info(ROOT / "models" / "released" / "recognizer.onnx").version
    for _ in range(5):
        answer = client.post("/predict/", files={"file": ("word.png", word)})
        assert answer.status_code == 200, answer.text
        assert answer.json()["model"]["version"] == released

    # ingestion, then training: both run once.
    compose("up -d --no-build ingestion training")
    compose("wait training")
    brought = call("docker logs ingestion_service 2>&1")
    assert "mine.tar.gz came in" in brought and "the sample is drawn" not in brought, brought[-4000:]
    log = call("docker logs training_service 2>&1")
    champion = (
        "from mlflow import MlflowClient as C; c = C('http://mlflow:5000'); "
        "print(c.get_model_version_by_alias('recognizer', 'champion').tags['model_version'])"
    )
    version = compose(f'run --rm --no-deps -T training python -c "{champion}"').strip().split("\n")[-1]
    assert version != released, log[-6000:]

    def served() -> str:
        return str(client.get("/ready").json()["model"]["version"])

    waited = until("the service reads with the champion", lambda: served() == version, 60)
    answer = client.post("/predict/", files={"file": ("word.png", word)})
    assert answer.json()["model"]["version"] == version
    print(f"the champion is served {waited:.0f} s after the training; {time.monotonic() - began:.0f} s in all")

    # The loop's script finds nothing new.
    log = call("/bin/bash run_mlops_pipeline.sh 2>&1", **environment)
    assert "nothing is new: nothing is trained" in log, log[-6000:]
    assert f"reads with {version}" in log, log[-6000:]

    assert "unhealthy" not in call("docker ps")

    # Prometheus sees all of it.
    for job in ("prediction", "node", "alertmanager"):
        until(f"Prometheus reaches {job}", lambda job=job: value(f'up{{job="{job}"}}') == 1, 60)
    until("reads are counted", lambda: value('sum(http_requests_total{handler="/predict/"})') >= 6, 60)
    until("the run is known", lambda: value("longhand_pipeline_last_success_timestamp_seconds") > 0, 60)
    print(call("docker stats --no-stream --format '{{.Name}} {{.MemUsage}}'"))

    # The service's corrections reach the next ingestion.
    told = client.post("/corrections", data={"prediction_id": answer.json()["id"], "text": "hello"})
    assert told.status_code == 201, told.text
    assert "corrections came in" in compose("run --rm --no-deps -T ingestion 2>&1")
