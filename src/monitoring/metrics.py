"""The names of all metrics, in one place."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """The service's metrics in a registry of their own, so that several apps may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "http_requests_total", "HTTP requests", ["handler", "method", "status"], registry=self.registry
        )
        self.inference_time = Histogram(
            "inference_time_seconds",
            "Time to read one image, from decoded pixels to text",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
            registry=self.registry,
        )
        self.model = Gauge("model_info", "1 for the model in service", ["name", "version"], registry=self.registry)
        # The series exist from the start, so that a rate over them sees the first request.
        self.requests.labels("/predict/", "POST", "200")
