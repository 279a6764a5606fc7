"""The service's own metrics, as a scrape sees them."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from src.monitoring.disk import Disk
from src.monitoring.metrics import Metrics
from src.monitoring.pipeline import PipelineRun
from src.paths import Paths
from src.pipeline.report import monitoring
from src.pipeline.state import State, write_state
from tests.test_api.running import running, tiny_settings
from tests.test_api.test_api import picture

RUN = """# HELP longhand_pipeline_last_run_timestamp_seconds When it began
# TYPE longhand_pipeline_last_run_timestamp_seconds gauge
longhand_pipeline_last_run_timestamp_seconds 1.7e+09
# TYPE longhand_pipeline_outcome gauge
longhand_pipeline_outcome{outcome="trained"} 1
longhand_pipeline_outcome{outcome="failed"} 0
# TYPE model_info gauge
model_info{name="not its own",version="1"} 1
"""


def scraped(*collectors: object) -> dict[str, float]:
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)  # type: ignore[arg-type]
    return figures(generate_latest(registry).decode())


def figures(text: str) -> dict[str, float]:
    return {
        f"{sample.name}{sample.labels or ''}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_last_run_of_the_pipeline_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.prom"
    shown = PipelineRun(file)
    assert scraped(shown) == {"pipeline_file_readable": 1.0}
    file.write_text(RUN)
    found = scraped(shown)
    assert found["longhand_pipeline_last_run_timestamp_seconds"] == 1.7e9
    assert found["longhand_pipeline_outcome{'outcome': 'trained'}"] == 1.0
    assert not any("model_info" in name for name in found), "what is not the pipeline's may not pass for the service's"


@pytest.mark.parametrize(
    "content", [b"longhand_pipeline_outcome{outcome=\n", b"\x00\xff\xfe", b"neither one nor the other", b"a" * 3000]
)
def test_a_damaged_file_is_told_and_costs_no_other_metric(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "data" / "pipeline" / "pipeline.prom"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    shown = PipelineRun(file)
    for _ in range(3):
        assert scraped(shown, Disk(tmp_path))["pipeline_file_readable"] == 0.0
    assert caplog.text.count("pipeline.prom") == 1
    file.write_text(RUN)
    assert scraped(shown)["pipeline_file_readable"] == 1.0


def test_the_service_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "data" / "pipeline" / "pipeline.prom"
    file.parent.mkdir(parents=True)
    with running(tiny_settings(tmp_path)) as client:
        file.write_bytes(b"{")
        answer = client.get("/metrics")
        assert answer.status_code == 200 and figures(answer.text)["pipeline_file_readable"] == 0.0
        project = Paths(tmp_path)
        write_state(project, State(outcome="trained", started=1.7e9, seconds={"training": 52.0}))
        monitoring(project, failed="prediction")  # as the pipeline writes it
        found = figures(client.get("/metrics").text)
        assert found["longhand_pipeline_last_run_timestamp_seconds"] == 1.7e9
        assert found["longhand_pipeline_step_seconds{'step': 'training'}"] == 52.0
        assert found["longhand_pipeline_outcome{'outcome': 'failed'}"] == 1.0
        page = client.get("/status").text
        assert "failed in prediction" in page and "<dt>time of training</dt><dd>52 seconds</dd>" in page


def test_free_room_is_that_of_the_disk_also_before_the_folder_is_there(tmp_path: Path) -> None:
    there, later = scraped(Disk(tmp_path)), scraped(Disk(tmp_path / "not" / "yet"))
    assert 0 < there["store_free_bytes"] <= there["store_disk_bytes"] == later["store_disk_bytes"]


def test_corrections_that_the_model_cannot_read_are_counted(tmp_path: Path) -> None:
    with running(tiny_settings(tmp_path)) as client:
        for text in ("a b", "äb", "b", "ab€"):
            assert client.post("/corrections", data={"text": text}, files={"file": picture()}).status_code == 201
        found = figures(client.get("/metrics").text)
    assert found["corrections_charset_misses_total"] == 2.0
    assert found["corrections_total{'changed': 'true'}"] == 4.0
    assert found["input_drift_images"] == 4.0
    assert found["input_drift_reference"] == 0.0


def test_each_name_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    found = scraped(Disk(Path()), PipelineRun(Path("none")))
    families = {family.name for family in Metrics().registry.collect()} | set(found)
    counters = {family.name for family in Metrics().registry.collect() if family.type == "counter"}
    for name in families | {"input_drift_psi", "input_drift_images", "input_drift_reference", "input_drift_limit"}:
        shown = f"{name}_total" if name in counters and not name.startswith("process_") else name
        assert name.startswith("process_") or f"`{shown}" in text, name
