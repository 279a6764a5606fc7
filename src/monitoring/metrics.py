"""The names of all metrics, in one place."""

import math

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The service's metrics in a registry of their own, so that several apps may live in one process."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "http_requests_total", "HTTP requests", ["handler", "method", "status"], registry=registry
        )
        self.request_time = Histogram(
            "http_request_duration_seconds",
            "Time from a request's first byte to its answer's last",
            ["handler"],
            buckets=(*_SECONDS, 10.0),
            registry=registry,
        )
        self.inference_time = Histogram(
            "inference_time_seconds",
            "Time to read one image, from normalised pixels to text; in a batch, an image's share",
            buckets=_SECONDS,
            registry=registry,
        )
        self.batch_size = Histogram(
            "inference_batch_size", "Images read together", buckets=(1, 2, 4, 8, 16, 32), registry=registry
        )
        self.queue = Gauge("queue_length", "Images that wait to be read", registry=registry)
        self.refused = Counter("requests_refused_total", "Requests refused", ["reason"], registry=registry)
        self.predictions = Counter("predictions_total", "Images read", ["model", "version"], registry=registry)
        self.review = Counter("predictions_to_review_total", "Readings flagged for review", registry=registry)
        self.confidence = Histogram(
            "prediction_confidence",
            "Confidence of readings",
            buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0),
            registry=registry,
        )
        self.corrections = Counter(
            "corrections_total", "Corrections, by whether they change what was read", ["changed"], registry=registry
        )
        self.charset_misses = Counter(
            "corrections_charset_misses_total", "Corrections with characters that the model in service cannot read",
            registry=registry,
        )  # fmt: skip
        self.model = Gauge("model_info", "1 for the model in service", ["name", "version"], registry=registry)
        self.model_created = Gauge(
            "model_created_timestamp_seconds", "When the model in service was trained (Unix time)", registry=registry
        )
        self.model_measured = Gauge(
            "model_measured",
            "What the model in service was measured at in its training",
            ["metric"],
            registry=registry,
        )
        self.model_exchanges = Counter(
            "model_exchanges_total", "Times that another model was taken into service, or could not be",
            ["result"], registry=registry,
        )  # fmt: skip
        self.registry_up = Gauge("registry_up", "1 while the registry answers, 0 while it is away", registry=registry)
        self.registry_up.set(math.nan)  # nobody has asked it: neither is true
        self.shadow_readings = Counter(
            "shadow_predictions_total", "Images that the challenger read as well, by whether it agrees",
            ["agrees"], registry=registry,
        )  # fmt: skip
        self.shadow_time = Histogram(
            "shadow_inference_time_seconds", "Time of the challenger to read one image", buckets=_SECONDS,
            registry=registry,
        )  # fmt: skip
        self.shadow_dropped = Counter(
            "shadow_dropped_total", "Images that the challenger did not get to read, being busy", registry=registry
        )
        # The series exist from the start, so that a rate over them sees the first request.
        self.requests.labels("/predict/", "POST", "200")
        for result in ("ok", "failed"):
            self.model_exchanges.labels(result)
        for agrees in ("true", "false"):
            self.shadow_readings.labels(agrees)
        for reason in ("queue", "timeout", "rate"):
            self.refused.labels(reason)
        for changed in ("true", "false"):
            self.corrections.labels(changed)
