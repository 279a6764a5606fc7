"""From a fault of the service to a message: a real service, Prometheus, Alertmanager, and a webhook that listens."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from tests.test_api.server import serve
from tests.test_monitoring.stack import alertmanager, prometheus, receiver, until
from tests.tiny_model import info, write_tiny_model


def test_a_fault_is_told_to_the_right_people_and_so_is_its_end(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    write_tiny_model(model, info(created=datetime.now(UTC)).to_metadata())
    run = tmp_path / "data" / "pipeline" / "pipeline.prom"
    run.parent.mkdir(parents=True)
    run.write_text('longhand_pipeline_outcome{outcome="failed"} 1\n')
    with ExitStack() as running:
        webhook = running.enter_context(receiver())
        manager = running.enter_context(alertmanager(tmp_path, webhook.url))
        service = running.enter_context(serve(tmp_path, model, keys="off"))
        targets = {"prediction": f"127.0.0.1:{service.port}"}
        watched = running.enter_context(prometheus(tmp_path, targets, manager))
        until(lambda: watched.value('up{job="prediction"}') == 1.0, "a scrape")
        # The pipeline's last run failed: a matter for the day.
        (path, alert), *_ = until(lambda: webhook.got("PipelineFailed"), "the alert")
        assert (path, alert["labels"]["severity"]) == ("/ordinary", "warning")
        assert alert["annotations"]["summary"] == "The last run of the pipeline failed."
        # The next run is well: that is told, too.
        run.write_text('longhand_pipeline_outcome{outcome="failed"} 0\n')
        until(lambda: webhook.got("PipelineFailed", "resolved"), "the end of the alert")
        # The service goes: a matter for now.
        service.process.kill()
        (path, alert), *_ = until(lambda: webhook.got("ServiceDown"), "the alert")
        assert (path, alert["labels"]["severity"]) == ("/urgent", "critical")
        assert watched.firing() == {"ServiceDown"}
    assert {alert["labels"]["alertname"] for _, alert in webhook.alerts} == {"PipelineFailed", "ServiceDown"}
