"""Stage: record the trainings that lie on the disk in MLflow: parameters, curves, data version, plots, model, metrics.

It reads what the trainings and the evaluation wrote, so that neither needs a tracking server to run. A model's version
is its run's tag: the same model, measured again, updates its run and makes no second one.
"""

import json
import logging
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from src.errors import MissingArtefactError
from src.files import write_whole
from src.paths import Paths
from src.recognition.model_file import METADATA_KEY, read_network
from src.stage import run as run_stage

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

logger = logging.getLogger(__name__)

_VERSION_TAG = "model_version"
# Which figures of reports/metrics.json are of which model.
_FIGURES = {
    "recognizer": ("recognizer_", "same_words_recognizer_"),
    "word_classifier": ("classifier_", "same_words_classifier_"),
}


def log_runs(paths: Paths) -> dict[str, str]:
    """Record a run for each model, in the experiments "recognizer" and "word_classifier".

    The store is MLFLOW_TRACKING_URI's, or `mlflow.db` and `mlartifacts/` in the project's folder.

    Args:
        paths: Where the models and reports lie; `paths.logged_runs` is written: {experiment: run id}.

    Returns:
        The run ids by experiment.

    Raises:
        MissingArtefactError: There is no model.
        ModelFileError: A model file cannot be read.
    """
    folders = {"recognizer": paths.recognizer, "word_classifier": paths.classifier}
    models = {name: folder / f"{name}.onnx" for name, folder in folders.items()}
    models = {name: file for name, file in models.items() if file.exists()}
    if not models:
        raise MissingArtefactError(
            f"{paths.recognizer_model}: not found; run `python src/models/train_recognizer.py` first"
        )
    client = _client(paths)
    runs = {name: _log_model(client, name, file, paths) for name, file in models.items()}
    with write_whole(paths.logged_runs) as temporary:
        temporary.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    return runs


def _client(paths: Paths) -> "MlflowClient":
    # Imported here: MLflow takes seconds, and a page of this module's users does not need it.
    from mlflow.tracking import MlflowClient

    return MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{paths.root / 'mlflow.db'}")


def _log_model(client: "MlflowClient", name: str, file: Path, paths: Paths) -> str:
    described = json.loads(read_network(file).get_rt_info(["framework", METADATA_KEY]).astype(str))
    experiment = _experiment(client, name, paths)
    known = client.search_runs([experiment], f"tags.{_VERSION_TAG} = '{described['version']}'")
    if known:
        run_id = str(known[0].info.run_id)
    else:
        tags = {"git_commit": _commit(paths.root)}
        if "data_version" in described["training"]:
            tags["data_version"] = str(described["training"]["data_version"])
        run = client.create_run(experiment, run_name=f"{name} {described['version']}", tags=tags)
        run_id = str(run.info.run_id)
        for key, value in _flat(described["training"]).items():
            client.log_param(run_id, key, value)
        _log_curves(client, run_id, file.parent / "history.csv")
        for artifact in (file, file.parent / "history.csv", file.parent / "curves.png"):
            client.log_artifact(run_id, str(artifact), "model")
        # Last: a run that was interrupted before this is not taken for the model's, but made anew.
        client.set_tag(run_id, _VERSION_TAG, str(described["version"]))
    _log_evaluation(client, run_id, _FIGURES[name], paths)
    client.set_terminated(run_id)
    logger.info("%s %s: run %s", name, described["version"], run_id)
    return run_id


def _experiment(client: "MlflowClient", name: str, paths: Paths) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    # A server has a place for artefacts; the local store would put them in whatever folder one happens to stand in.
    remote = bool(os.environ.get("MLFLOW_TRACKING_URI"))
    return str(client.create_experiment(name, None if remote else (paths.root / "mlartifacts" / name).as_uri()))


def _log_curves(client: "MlflowClient", run_id: str, history: Path) -> None:
    from mlflow.entities import Metric

    table = pd.read_csv(history)
    metrics = [
        Metric(column, float(value), round(1000 * float(seconds)), int(step))
        for column in table.columns.difference(["epoch", "step", "seconds"])
        for value, seconds, step in zip(table[column], table["seconds"], table["step"], strict=True)
        if pd.notna(value)
    ]
    for start in range(0, len(metrics), 1000):  # the most that a request may hold
        client.log_batch(run_id, metrics=metrics[start : start + 1000])


def _log_evaluation(client: "MlflowClient", run_id: str, prefixes: tuple[str, ...], paths: Paths) -> None:
    measured = paths.reports / "metrics.json"
    if not measured.exists():
        logger.warning("%s: not found; the run has no figures of the test writers", measured)
        return
    for key, value in json.loads(measured.read_text(encoding="utf-8")).items():
        if key.startswith(prefixes):
            client.log_metric(run_id, f"test.{key}", float(value))
    client.log_artifacts(run_id, str(paths.reports), "reports")


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _commit(root: Path) -> str:
    """The commit that is checked out, or "unknown" outside a Git clone."""
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else "unknown"


def main() -> None:
    """Record the project's models."""
    log_runs(Paths())


if __name__ == "__main__":
    run_stage(main)
