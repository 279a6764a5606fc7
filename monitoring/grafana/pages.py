"""The four dashboards: what is shown. Names of metrics and their meaning: docs/monitoring.md."""

from panels import AGE, BYTES, RATE, SECONDS, SHARE, Figure, Page

_BAD = {1: "red"}

SERVICE = Page(
    "service",
    "Longhand: service",
    [
        Figure("Service", "Whether it answers.", {"service": 'min(up{job="prediction"})'}, names={0: "down", 1: "up"}),
        Figure("Model in service", "Its version.", {"{{version}}": "model_info"}),
        Figure("Predictions", "Since the service started.", {"all": 'sum(http_requests_total{handler="/predict/"})'}),
        Figure(
            "Errors", "Share of requests.", {"errors": "longhand:errors:ratio5m"}, SHARE, {0.01: "orange", 0.05: "red"}
        ),
        Figure("Slowest 1 %", "A reading takes longer.", {"p99": "longhand:request_seconds:p99_5m"}, SECONDS, _BAD),
        Figure("Alerts", "That fire now.", {"alerts": 'count(ALERTS{alertstate="firing"}) or vector(0)'}, limits=_BAD),
    ],
    [
        Figure(
            "Predictions",
            "Requests to /predict/ by the answer's status.",
            {"{{status}}": 'sum by (status) (rate(http_requests_total{handler="/predict/"}[5m]))'},
            RATE,
        ),
        Figure(
            "Mean inference time",
            "Of one image, over 5 minutes.",
            {"inference": "rate(inference_time_seconds_sum[5m]) / rate(inference_time_seconds_count[5m])"},
            SECONDS,
        ),
        Figure("Requests", "By route.", {"{{handler}}": "longhand:requests:rate5m"}, RATE),
        Figure(
            "Time of a request to /predict/",
            "From its first byte to its answer's last.",
            {"half": "longhand:request_seconds:p50_5m", "99 %": "longhand:request_seconds:p99_5m"},
            SECONDS,
            _BAD,
        ),
        Figure(
            "Failed requests", "Share that ends with 5xx.", {"errors": "longhand:errors:ratio5m"}, SHARE, {0.05: "red"}
        ),
        Figure(
            "Refused requests", "By reason.", {"{{reason}}": "sum by (reason) (rate(requests_refused_total[5m]))"}, RATE
        ),
        Figure("Queue", "Images that wait to be read.", {"images": "sum(queue_length)"}, limits={32: "red"}),
        Figure(
            "Images of a batch",
            "Read together, on average.",
            {"images": "rate(inference_batch_size_sum[5m]) / rate(inference_batch_size_count[5m])"},
        ),
    ],
)

QUALITY = Page(
    "quality",
    "Longhand: model quality and drift",
    [
        Figure("Model in service", "Its version.", {"{{version}}": "model_info"}),
        Figure(
            "Age of the model", "Since its training.", {"age": "longhand:model:age_seconds"}, AGE, {15552000: "red"}
        ),
        Figure(
            "Drift is measured",
            "Whether the model knows what its training images looked like.",
            {"measured": "min(input_drift_reference)"},
            names={0: "no", 1: "yes"},
        ),
        Figure("Images looked at", "That drift is measured on.", {"images": "sum(input_drift_images)"}),
        Figure("Corrected", "Share of a day's readings.", {"share": "longhand:corrected:ratio1d"}, SHARE),
        Figure(
            "Shadow agrees", "With the champion, in an hour.", {"share": "longhand:shadow_agreement:ratio1h"}, SHARE
        ),
    ],
    [
        Figure(
            "Drift",
            "Population stability index of each feature: from 0.1 it has moved, from 0.25 it is another population.",
            {"{{feature}}": "longhand:drift:psi"},
            limits={0.1: "orange", 0.25: "red"},
        ),
        Figure(
            "Drift, of its limit",
            "Above 1 the alert fires: the index is beyond 0.25 and beyond what groups of training writers differ by.",
            {"{{feature}}": "longhand:drift:psi / on (feature) longhand:drift:limit"},
            limits={1: "red"},
        ),
        Figure(
            "Confidence",
            "Of the readings of an hour: a tenth is below the first line, half below the second.",
            {
                "a tenth": "histogram_quantile(0.1, sum by (le) (rate(prediction_confidence_bucket[1h])))",
                "half": "histogram_quantile(0.5, sum by (le) (rate(prediction_confidence_bucket[1h])))",
            },
            SHARE,
        ),
        Figure(
            "Corrected share",
            "Readings that people changed, of all readings: the live error rate, as far as people tell it.",
            {"a day": "longhand:corrected:ratio1d", "a week": "longhand:corrected:ratio7d"},
            SHARE,
        ),
        Figure("Flagged for review", "Share of an hour's readings.", {"flagged": "longhand:flagged:ratio1h"}, SHARE),
        Figure(
            "Corrections in a day",
            "Changed: another text than was read. Misses: with characters that the model cannot read.",
            {
                "changed": 'sum(increase(corrections_total{changed="true"}[1d]))',
                "accepted": 'sum(increase(corrections_total{changed="false"}[1d]))',
                "misses": "sum(increase(corrections_charset_misses_total[1d]))",
            },
        ),
        Figure(
            "Challenger in the shadow",
            "Images that it read as well, by whether it agrees, and those that it was too busy for.",
            {
                "agrees: {{agrees}}": "sum by (agrees) (rate(shadow_predictions_total[5m]))",
                "left out": "sum(rate(shadow_dropped_total[5m]))",
            },
            RATE,
        ),
        Figure(
            "Inference time of champion and challenger",
            "Mean of 5 minutes.",
            {
                "champion": "longhand:inference_seconds:mean5m",
                "challenger": "longhand:shadow_inference_seconds:mean5m",
            },
            SECONDS,
        ),
        Figure("Registry", "1 while it answers.", {"registry": "min(registry_up)"}, names={0: "away", 1: "answers"}),
    ],
)

PIPELINE = Page(
    "pipeline",
    "Longhand: pipeline and training",
    [
        Figure(
            "Last run", "How long ago.", {"age": "time() - longhand:pipeline:last_run_seconds"}, AGE, {93600: "red"}
        ),
        Figure("Last success", "How long ago.", {"age": "time() - longhand:pipeline:last_success_seconds"}, AGE),
        Figure("Outcome", "Of the last run.", {"{{outcome}}": "longhand:pipeline:outcome == 1"}),
        Figure(
            "Its figures",
            "Of the run's file.",
            {"file": "min(pipeline_file_readable)"},
            names={0: "damaged", 1: "fine"},
        ),
        Figure("Model in service", "Its version.", {"{{version}}": "model_info"}),
        Figure("Age of the model", "Since its training.", {"age": "longhand:model:age_seconds"}, AGE),
    ],
    [
        Figure(
            "Time of the steps",
            "Of the last run.",
            {"{{step}}": "max by (step) (longhand_pipeline_step_seconds)"},
            SECONDS,
        ),
        Figure("Outcomes", "1: of the last run.", {"{{outcome}}": "longhand:pipeline:outcome"}),
        Figure(
            "What the model was measured at",
            "At its training.",
            {"{{metric}}": "max by (metric) (model_measured)"},
            SHARE,
        ),
        Figure(
            "Models taken into service",
            "In a day.",
            {"{{result}}": "sum by (result) (increase(model_exchanges_total[1d]))"},
        ),
        Figure(
            "New corrections",
            "In a week: what the next training learns from.",
            {"{{changed}}": "sum by (changed) (increase(corrections_total[7d]))"},
        ),
        Figure(
            "Step that failed",
            "1: of the last run.",
            {"{{step}}": "max by (step) (longhand_pipeline_failed_step)"},
            limits=_BAD,
        ),
    ],
)

_DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs"'

HOST = Page(
    "host",
    "Longhand: host",
    [
        Figure("CPU", "Share that is busy.", {"busy": '1 - avg(rate(node_cpu_seconds_total{mode="idle"}[5m]))'}, SHARE),
        Figure(
            "Load",
            "Of a minute, for each core.",
            {"load": 'sum(node_load1) / count(node_cpu_seconds_total{mode="idle"})'},
        ),
        Figure("Free memory", "That programs can have.", {"free": "node_memory_MemAvailable_bytes"}, BYTES),
        Figure("Free for the store", "Where corrections lie.", {"free": "min(store_free_bytes)"}, BYTES),
        Figure(
            "Service", "Memory that it holds.", {"held": 'sum(process_resident_memory_bytes{job="prediction"})'}, BYTES
        ),
        Figure("Running for", "Since it was switched on.", {"time": "time() - node_boot_time_seconds"}, AGE),
    ],
    [
        Figure(
            "CPU",
            "By what it does, in cores.",
            {"{{mode}}": 'sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[5m]))'},
        ),
        Figure(
            "Memory",
            "Of the machine.",
            {"all": "node_memory_MemTotal_bytes", "free": "node_memory_MemAvailable_bytes"},
            BYTES,
        ),
        Figure(
            "Free room of disks",
            "Share.",
            {"{{mountpoint}}": f"node_filesystem_avail_bytes{{{_DISKS}}} / node_filesystem_size_bytes{{{_DISKS}}}"},
            SHARE,
        ),
        Figure(
            "Network",
            "Bytes a second.",
            {
                "in: {{device}}": 'rate(node_network_receive_bytes_total{device!="lo"}[5m])',
                "out: {{device}}": 'rate(node_network_transmit_bytes_total{device!="lo"}[5m])',
            },
            "Bps",
        ),
        Figure("CPU of the service", "Cores.", {"service": 'rate(process_cpu_seconds_total{job="prediction"}[5m])'}),
        Figure(
            "Memory of the service",
            "That it holds.",
            {"service": 'process_resident_memory_bytes{job="prediction"}'},
            BYTES,
        ),
        Figure("Open files of the service", "And connections.", {"open": 'process_open_fds{job="prediction"}'}),
        Figure("Free for the store", "Where corrections lie.", {"free": "min(store_free_bytes)"}, BYTES, {}),
    ],
)

PAGES = (SERVICE, QUALITY, PIPELINE, HOST)
