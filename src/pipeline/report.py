"""The last run as metrics: a file for node-exporter and the service; pushed as well where a Pushgateway is named."""

import logging
import os
import time
from urllib.error import URLError

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway, write_to_textfile

from src.paths import Paths
from src.pipeline.state import Outcome, read_state, write_state

logger = logging.getLogger(__name__)

OUTCOMES: tuple[Outcome, ...] = ("trained", "refused", "nothing_new", "failed")
STEPS = ("ingestion", "training", "prediction", "monitoring")


def monitoring(paths: Paths, failed: str | None = None) -> None:
    """Write data/pipeline/pipeline.prom, and push it where LONGHAND_PUSHGATEWAY says.

    Args:
        paths: The project.
        failed: The step at which the run failed; None: all went well.
    """
    state = read_state(paths)
    now = time.time()
    if failed:
        state.outcome, state.failed_step = "failed", failed
    else:
        state.succeeded, state.failed_step = now, None
    write_state(paths, state)
    registry = CollectorRegistry()
    prefix = "longhand_pipeline_"
    Gauge(f"{prefix}last_run_timestamp_seconds", "When the last run began", registry=registry).set(state.started or now)
    Gauge(f"{prefix}last_success_timestamp_seconds", "When a run last went to its end", registry=registry).set(
        state.succeeded or 0.0
    )
    seconds = Gauge(f"{prefix}step_seconds", "Time of each step of the last run", ["step"], registry=registry)
    for step, took in state.seconds.items():
        seconds.labels(step).set(took)
    outcome = Gauge(f"{prefix}outcome", "1 for the outcome of the last run", ["outcome"], registry=registry)
    for name in OUTCOMES:
        outcome.labels(name).set(name == state.outcome)
    failure = Gauge(f"{prefix}failed_step", "1 for the step at which the last run failed", ["step"], registry=registry)
    for step in STEPS:
        failure.labels(step).set(step == state.failed_step)
    target = paths.pipeline / "pipeline.prom"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(target), registry)
    gateway = os.environ.get("LONGHAND_PUSHGATEWAY")
    if gateway:
        try:
            push_to_gateway(gateway, job="longhand_pipeline", registry=registry)
        except (URLError, OSError) as error:
            logger.error("%s: the metrics cannot be pushed; they are in %s: %s", gateway, target, error)
    logger.info("last run: %s", state.outcome)
