"""The service's figures in words: what the status page shows."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from src.monitoring.drift import DRIFTED, MOVED
from src.monitoring.figures import Figures

# What programs ask for by themselves says nothing about how people fare.
_OPERATORS = ("/metrics", "/health", "/ready", "/status", "/page/{name}")
_OUTCOMES = {
    "trained": "a new model is in service",
    "refused": "the new model was refused",
    "nothing_new": "nothing new",
}
_UNITS = ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute"))


@dataclass(frozen=True)
class Row:
    """A figure.

    Attributes:
        name: What it is of.
        value: In words.
        state: "good", "bad" or "": nothing to judge.
    """

    name: str
    value: str
    state: str = ""


@dataclass(frozen=True)
class Section:
    """Figures that belong together.

    Attributes:
        title: Its heading.
        rows: The figures.
        note: What a reader should know of them.
    """

    title: str
    rows: tuple[Row, ...]
    note: str = ""


def sections(figures: Figures, least: int) -> list[Section]:
    """All figures.

    Args:
        figures: Of the service's registry.
        least: Images below which drift is not judged.
    """
    return [
        Section(
            "Requests",
            tuple(_requests(figures)),
            "Since the service started; health checks and files of the page are not counted.",
        ),
        Section("Readings", tuple(_readings(figures))),
        Section("Model", tuple(_model(figures))),
        Section("Drift", tuple(_drift(figures, least)), _about_drift(figures)),
        Section("Pipeline", tuple(_pipeline(figures))),
    ]


def troubles(shown: list[Section]) -> list[str]:
    """What needs a person, a line each."""
    return [
        f"{section.title}, {row.name}: {row.value}" for section in shown for row in section.rows if row.state == "bad"
    ]


def _requests(figures: Figures) -> Iterator[Row]:
    routes = figures.by("http_requests_total", "handler")
    asked = sum(count for route, count in routes.items() if route not in _OPERATORS)
    failed = sum(
        figures.total("http_requests_total", handler=route, status=status)
        for route in routes
        if route not in _OPERATORS
        for status in figures.by("http_requests_total", "status")
        if status.startswith("5")
    )
    yield Row("running for", _span(_since(figures.value("process_start_time_seconds"))))
    yield Row("requests", f"{asked:,.0f}")
    yield Row("failed", _share(failed, asked), "bad" if failed > 0.05 * asked else "")
    for name, share in (("half are answered within", 0.5), ("99 % are answered within", 0.99)):
        yield Row(name, _seconds(figures.quantile("http_request_duration_seconds", share, handler="/predict/")))
    yield Row("images that wait", f"{figures.total('queue_length'):,.0f}")
    refused = figures.by("requests_refused_total", "reason")
    yield Row("refused", ", ".join(f"{count:,.0f} ({reason})" for reason, count in refused.items() if count) or "none")
    free = figures.value("store_free_bytes")
    yield Row("free for the store", _bytes(free), "bad" if free is not None and free < 1e9 else "")


def _readings(figures: Figures) -> Iterator[Row]:
    read = figures.total("predictions_total")
    corrections = figures.by("corrections_total", "changed")
    changed = corrections.get("true", 0.0)
    yield Row("images read", f"{read:,.0f}")
    yield Row("time of one", _seconds(figures.mean("inference_time_seconds")))
    mean = figures.mean("prediction_confidence")
    yield Row("mean confidence", "none yet" if mean is None else f"{mean:.0%}")
    yield Row("flagged for review", _share(figures.total("predictions_to_review_total"), read))
    yield Row("corrected", _share(changed, read))
    yield Row("accepted as read", f"{corrections.get('false', 0.0):,.0f}")
    yield Row("beyond the charset", f"{figures.total('corrections_charset_misses_total'):,.0f} corrections")


def _model(figures: Figures) -> Iterator[Row]:
    names, versions = (", ".join(figures.by("model_info", label)) for label in ("name", "version"))
    yield Row("in service", names or "none", "" if names else "bad")
    yield Row("version", versions or "none")
    created = figures.value("model_created_timestamp_seconds")
    yield Row("trained", f"{_span(_since(created))} ago" if created else "not known")
    up = figures.value("registry_up")
    told = {None: "none is followed", 1.0: "answers"}.get(up, "away; the model stays in service")
    yield Row("registry", told, {None: "", 1.0: "good"}.get(up, "bad"))
    exchanges = figures.by("model_exchanges_total", "result")
    yield Row("models taken into service", f"{exchanges.get('ok', 0.0):,.0f}")
    yield Row("models that could not be", f"{exchanges.get('failed', 0.0):,.0f}")
    shadow = figures.by("shadow_predictions_total", "agrees")
    compared = sum(shadow.values())
    yield Row("the challenger agrees", _share(shadow.get("true", 0.0), compared) if compared else "reads nothing")


def _drift(figures: Figures, least: int) -> Iterator[Row]:
    indices = figures.by("input_drift_psi", "feature")
    images = figures.total("input_drift_images")
    if not figures.total("input_drift_reference"):
        yield Row("measured", "no: the model's file does not say what its training images looked like")
    elif not indices:
        yield Row("measured", f"not yet: {images:,.0f} of {least:,} images")
    else:
        yield Row("measured on", f"the last {images:,.0f} images")
    limits = figures.by("input_drift_limit", "feature")
    for feature, value in indices.items():
        beyond = value > limits[feature]
        verdict = "is not as in training" if beyond else "as in training" if value < MOVED else "has moved"
        yield Row(feature, f"{verdict} ({value:.2f})", "bad" if beyond else "good" if value < MOVED else "")


def _about_drift(figures: Figures) -> str:
    if not figures.by("input_drift_psi", "feature"):
        return ""
    return (
        f"Population stability index: from {MOVED} a feature has moved; above {DRIFTED}, and above what is usual among "
        "the training's writers, these are other images."
    )


def _pipeline(figures: Figures) -> Iterator[Row]:
    if figures.value("pipeline_file_readable") == 0.0:
        yield Row("last run", "its file is damaged", "bad")
        return
    last = figures.value("longhand_pipeline_last_run_timestamp_seconds")
    if last is None:
        yield Row("last run", "none is known here")
        return
    outcomes = figures.by("longhand_pipeline_outcome", "outcome")
    outcome = next((name for name, value in outcomes.items() if value == 1.0), "not known")
    failed = [step for step, value in figures.by("longhand_pipeline_failed_step", "step").items() if value]
    told = f"failed in {', '.join(failed)}" if failed else _OUTCOMES.get(outcome, outcome)
    yield Row("last run", f"{_span(_since(last))} ago")
    yield Row("outcome", told, {"failed": "bad", "refused": ""}.get(outcome, "good"))
    success = figures.value("longhand_pipeline_last_success_timestamp_seconds")
    yield Row("last success", f"{_span(_since(success))} ago" if success else "none")
    for step, seconds in figures.by("longhand_pipeline_step_seconds", "step").items():
        yield Row(f"time of {step}", _span(seconds))


def now() -> str:
    """The moment, to be shown."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _since(moment: float | None) -> float | None:
    return None if moment is None else max(0.0, time.time() - moment)


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "not known"
    for length, unit in _UNITS:
        if seconds >= length:
            count = int(seconds / length)
            return f"{count:,} {unit}{'s' if count > 1 else ''}"
    return f"{seconds:.0f} seconds"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%} ({part:,.0f} of {whole:,.0f})" if whole else "none yet"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "none yet"
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _bytes(count: float | None) -> str:
    return "not known" if count is None else f"{count / 1e9:,.1f} GB"
