"""Grafana's dashboards: as the generator writes them, as Grafana's own types read them, and each shows something.

They were not looked at in Grafana itself: it is not run here.
"""

import json
import math
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from src.client import Client
from src.paths import Paths
from src.registry.published import Published, sha256_of, write_published
from tests.referenced import FRENCH, draw_words, reference_to, write_with_reference
from tests.test_api.server import serve
from tests.test_monitoring.stack import MONITORING, Prometheus, node_exporter, prometheus, until
from tests.test_page.conftest import write_word

GRAFANA = MONITORING / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
RUN = """longhand_pipeline_last_run_timestamp_seconds {now}
longhand_pipeline_last_success_timestamp_seconds {now}
longhand_pipeline_step_seconds{{step="training"}} 61.5
longhand_pipeline_outcome{{outcome="trained"}} 1
longhand_pipeline_outcome{{outcome="failed"}} 0
"""


def expressions() -> dict[str, str]:
    """Place -> expression, of all panels."""
    found = {}
    for file in FILES:
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                found[f"{file.stem}: {panel['title']}: {target['legendFormat']}"] = target["expr"]
    return found


def test_they_are_as_the_generator_writes_them(tmp_path: Path) -> None:
    subprocess.run([sys.executable, GRAFANA / "generate.py", tmp_path], check=True, timeout=60)
    written = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert written == {file.name: file.read_text() for file in FILES}, "run python monitoring/grafana/generate.py"
    assert sorted(written) == ["host.json", "pipeline.json", "quality.json", "service.json"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_grafanas_own_types_read_them_and_lose_nothing(file: Path) -> None:
    register_default_plugins()
    content = json.loads(file.read_text())
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(content)))
    assert again == content


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_panels_lie_beside_each_other_and_none_on_another(file: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(file.read_text())["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["title"] and panel["description"] and panel["targets"]


def test_they_are_provisioned_with_a_source_that_exists() -> None:
    folder = GRAFANA / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())["datasources"]
    for file in FILES:
        for panel in json.loads(file.read_text())["panels"]:
            assert panel["datasource"] == {"type": source["type"], "uid": source["uid"]}
    (provider,) = yaml.safe_load((folder / "dashboards" / "longhand.yml").read_text())["providers"]
    assert provider["type"] == "file"


def test_the_two_panels_that_were_promised_are_there() -> None:
    found = list(expressions().values())
    assert any('http_requests_total{handler="/predict/"}' in expression for expression in found)
    mean = "rate(inference_time_seconds_sum[5m]) / rate(inference_time_seconds_count[5m])"
    assert mean in found


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus over a service that follows a registry, with a challenger, traffic, corrections and a pipeline."""
    folder = tmp_path_factory.mktemp("dashboards")
    images, texts = draw_words(FRENCH, 300, 1)
    champion = write_with_reference(
        Paths(MONITORING.parent).released_model,
        folder / "models" / "registry" / "versions" / "1" / "recognizer.onnx",
        reference_to(images, texts),
    )
    registry = folder / "models" / "registry"
    challenger = registry / "versions" / "2" / "recognizer.onnx"
    challenger.parent.mkdir()
    shutil.copy(champion, challenger)
    for alias, file in (("champion", champion), ("challenger", challenger)):
        version = file.parent.name
        told = Published(
            name="recognizer", version=version, file=file.relative_to(registry), sha256=sha256_of(file),
            promoted=datetime.now(UTC),
        )  # fmt: skip
        write_published(registry, alias, told)
    textfiles = folder / "data" / "pipeline"
    textfiles.mkdir(parents=True)
    (textfiles / "pipeline.prom").write_text(RUN.format(now=time.time() - 60))
    with ExitStack() as running:
        service = running.enter_context(
            serve(folder, None, keys="off", shadow_share=1, drift_least=20, min_confidence=0.9)
        )
        node = running.enter_context(node_exporter(folder, textfiles))
        targets = {"prediction": f"127.0.0.1:{service.port}", "node": node}
        found = running.enter_context(prometheus(folder, targets))
        until(lambda: found.value('up{job="prediction"}') == 1.0, "a scrape")
        word = write_word(folder / "word.png", "maison", 1)
        with Client(service.url) as client:
            for number in range(40):
                reading = client.read(word)
                if number % 10 == 0:
                    client.correct("maisons", prediction_id=reading.id)
                time.sleep(0.05)
        assert httpx.post(f"{service.url}/predict/", files={"file": b"no image"}).status_code == 415
        until(lambda: (found.value("sum(shadow_predictions_total)") or 0) > 5, "readings of the challenger")
        until(lambda: len(found.query("longhand:drift:psi")) == 6, "drift")
        yield found


def test_each_panel_has_something_to_show(watched: Prometheus) -> None:
    def empty() -> list[str]:
        return [
            f"{place}: {expression}"
            for place, expression in expressions().items()
            if not any(math.isfinite(float(series["value"][1])) for series in watched.query(expression))
        ]

    deadline = time.monotonic() + 60
    while (without := empty()) and time.monotonic() < deadline:
        time.sleep(1)
    assert not without, "\n".join(without)


def test_the_names_of_lines_are_labels_that_are_there(watched: Prometheus) -> None:
    for place, expression in expressions().items():
        label = place.rpartition("{{")[2].removesuffix("}}") if "{{" in place else ""
        for series in watched.query(expression) if label else ():
            assert label in series["metric"], place


def test_each_recorded_figure_has_a_value(watched: Prometheus) -> None:
    with urllib.request.urlopen(f"{watched.url}/api/v1/rules?type=record", timeout=10) as answer:
        groups = json.load(answer)["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 15
    assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
    assert [rule["name"] for rule in rules if not watched.query(rule["name"])] == []
