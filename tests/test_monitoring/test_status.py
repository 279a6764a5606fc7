"""The status page: what /metrics says, in words, and nothing that a log or a label could smuggle in."""

import re
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Histogram

from src.monitoring.drift import Drift
from src.monitoring.figures import Figures
from src.monitoring.metrics import Metrics
from src.monitoring.status import Section, sections, troubles
from src.recognition.appearance import look
from tests.referenced import FRENCH, draw_words, reference_to, write_with_reference
from tests.test_api.running import running, tiny_settings
from tests.test_api.test_api import picture


def rows(shown: list[Section]) -> dict[str, str]:
    return {f"{section.title}: {row.name}": row.value for section in shown for row in section.rows}


def told(page: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", page))


def test_a_quantile_is_what_prometheus_says() -> None:
    registry = CollectorRegistry()
    histogram = Histogram("x", "X", ["route"], buckets=(0.1, 0.5, 1.0), registry=registry)
    for value in (0.05, 0.2, 0.3, 0.4):
        histogram.labels("a").observe(value)
    histogram.labels("b").observe(50.0)
    figures = Figures(registry.collect())
    # histogram_quantile(0.5, ...): a third of the way through the bucket from 0.1 to 0.5.
    assert figures.quantile("x", 0.5, route="a") == pytest.approx(0.1 + 0.4 / 3)
    assert figures.quantile("x", 1.0, route="b") == 1.0, "beyond the last bucket its edge is all that is known"
    assert figures.quantile("x", 0.5, route="c") is None
    assert figures.mean("x") == pytest.approx((0.95 + 50.0) / 5)
    assert figures.value("y") is None


def test_before_anything_was_read_nothing_is_claimed() -> None:
    shown = rows(sections(Figures(Metrics().registry.collect()), 200))
    assert shown["Readings: mean confidence"] == "none yet"
    assert shown["Requests: half are answered within"] == "none yet"
    assert shown["Model: registry"] == "none is followed"
    assert shown["Drift: measured"].startswith("no:")
    assert shown["Pipeline: last run"] == "none is known here"


def test_the_page_shows_what_was_read_and_corrected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with running(tiny_settings(tmp_path, min_confidence=1.0)) as client:
        for _ in range(4):
            reading = client.post("/predict/", files={"file": picture()}).json()
        client.post("/predict/", files={"file": b"no image"})
        client.post("/corrections", data={"text": "ä", "prediction_id": reading["id"]})
        answer = client.get("/status")
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "no-store" in answer.headers["cache-control"]
        found = told(answer.text)
        assert found["images read"] == "4"
        assert found["corrected"] == "25.0% (1 of 4)"
        assert found["flagged for review"] == "100.0% (4 of 4)"
        assert found["beyond the charset"] == "1 corrections"
        assert found["requests"] == "6" and found["failed"] == "0.0% (0 of 6)"
        assert found["99 % are answered within"].endswith("s")
        assert found["in service"] == "tiny"
        assert "Nothing needs you" in answer.text
        assert told(client.get("/status").text)["requests"] == "6", "looking changes nothing"
        run = tmp_path / "data" / "pipeline" / "pipeline.prom"
        run.parent.mkdir(parents=True)
        run.write_text(
            f"longhand_pipeline_last_run_timestamp_seconds {time.time() - 7300}\n"
            'longhand_pipeline_outcome{outcome="failed"} 1\n'
            'longhand_pipeline_failed_step{step="<script>"} 1\n'
        )
        page = client.get("/status").text
        assert told(page)["last run"] == "2 hours ago"
        assert "Pipeline, outcome: failed in &lt;script&gt;" in page and "<script" not in page
        run.write_bytes(b"\xff")
        assert "its file is damaged" in client.get("/status").text


def test_it_needs_no_key_as_metrics_need_none(tmp_path: Path) -> None:
    with running(tiny_settings(tmp_path, keys="on")) as client:
        assert client.get("/metrics").status_code == client.get("/status").status_code == 200
        assert client.get("/models").status_code == 401


def test_it_lives_without_a_model(tmp_path: Path) -> None:
    settings = tiny_settings(tmp_path)
    assert settings.model is not None
    settings.model.unlink()
    with running(settings) as client:
        page = client.get("/status")
        assert page.status_code == 200 and "Model, in service: none" in page.text


def test_drift_is_told_feature_by_feature() -> None:
    images, texts = draw_words(FRENCH, 250, 1)
    drift, registry = Drift(250, 200), CollectorRegistry()
    registry.register(drift)

    def shown() -> list[Section]:
        return sections(Figures(registry.collect()), 200)

    drift.compare_with(reference_to(images, texts))
    for image, text in zip(images[:199], texts, strict=False):
        drift.observe(look(image), text)
    assert rows(shown())["Drift: measured"] == "not yet: 199 of 200 images"
    for image, text in zip(images[199:], texts[199:], strict=True):
        drift.observe(look(image), text)
    assert rows(shown())["Drift: paper"].startswith("as in training")
    for image, text in zip(images, texts, strict=True):
        drift.observe(look(image // 2), text)
    assert rows(shown())["Drift: paper"].startswith("is not as in training")
    assert [one for one in troubles(shown()) if one.startswith("Drift, paper")]


def test_the_model_in_service_brings_its_reference(tmp_path: Path) -> None:
    settings = tiny_settings(tmp_path)
    assert settings.model is not None
    write_with_reference(settings.model, settings.model, reference_to(*draw_words(FRENCH, 50, 1)))
    with running(settings) as client:
        assert told(client.get("/status").text)["measured"] == "not yet: 0 of 200 images"
