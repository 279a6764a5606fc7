"""Stage: record the trainings that lie on the disk in MLflow: parameters, curves, data version, plots, model, metrics.

It reads what the trainings and the evaluation wrote, so that neither needs a tracking server to run. A model's version
is its run's tag: the same model, measured again, updates its run and makes no second one. Each becomes a version of a
registered model; the recognizer's is the challenger of the one in service (judge.py).
"""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from dulwich.errors import NotGitRepository
from dulwich.repo import Repo

from src.errors import MissingArtefactError
from src.files import write_whole
from src.paths import Paths, start_beside
from src.recognition.model_file import METADATA_KEY, read_network
from src.registry.client import CHALLENGER, CHAMPION, RECOGNIZER, answering, client
from src.registry.published import sha256_of
from src.registry.versions import MODEL_VERSION, alias, register
from src.stage import run as run_stage

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

logger = logging.getLogger(__name__)

# Which figures of reports/metrics.json are of which model.
_FIGURES = {
    "recognizer": ("recognizer_", "same_words_recognizer_"),
    "word_classifier": ("classifier_", "same_words_classifier_"),
}


def log_runs(paths: Paths) -> dict[str, str]:
    """Record a run and a version for each model: experiments and registered models recognizer and word_classifier.

    The store is MLFLOW_TRACKING_URI's, or `mlflow.db` and `mlartifacts/` in the project's folder. The recognizer is
    given the alias "challenger", unless it is the champion.

    Args:
        paths: Where the models and reports lie; `paths.logged_runs` is written: {experiment: run id}.

    Returns:
        The run ids by experiment.

    Raises:
        MissingArtefactError: There is no model.
        ModelFileError: A model file cannot be read.
        RegistryError: The store is away.
    """
    folders = {RECOGNIZER: paths.recognizer, "word_classifier": paths.classifier}
    models = {name: folder / f"{name}.onnx" for name, folder in folders.items()}
    models = {name: file for name, file in models.items() if file.exists()}
    if not models:
        raise MissingArtefactError(
            f"{paths.recognizer_model}: not found; run `python src/models/train_recognizer.py` first"
        )
    measured = paths.reports / "metrics.json"
    if measured.exists():
        figures = json.loads(measured.read_text(encoding="utf-8"))
    else:
        logger.warning("%s: not found; the runs have no figures of the test writers", measured)
        figures = {}
    with answering(paths):
        store = client(paths)
        runs = {}
        for name, file in models.items():
            own = {key: float(value) for key, value in figures.items() if key.startswith(_FIGURES[name])}
            runs[name], number = log_model(store, name, file, paths, own)
            if figures:
                store.log_artifacts(runs[name], str(paths.reports), "reports")
            if name == RECOGNIZER:
                _challenge(store, number)
    with write_whole(paths.logged_runs) as temporary:
        temporary.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    return runs


def log_model(
    store: "MlflowClient", name: str, file: Path, paths: Paths, figures: Mapping[str, float]
) -> tuple[str, str]:
    """Record one model: its run and its version.

    Args:
        store: The registry.
        name: The experiment and the registered model.
        file: The model file; history.csv, curves.png and start.pt beside it are kept with it.
        paths: The project, whose commit is the code's version.
        figures: What it was measured at on the test writers.

    Returns:
        The run's id, and MLflow's number of the version.

    Raises:
        ModelFileError: The file cannot be read.
    """
    described = json.loads(read_network(file).get_rt_info(["framework", METADATA_KEY]).astype(str))
    version, training = str(described["version"]), described["training"]
    experiment = _experiment(store, name, paths)
    known = store.search_runs([experiment], f"tags.{MODEL_VERSION} = '{version}'")
    if known:
        run = str(known[0].info.run_id)
    else:
        tags = {"git_commit": _commit(paths.root)}
        if "data_version" in training:
            tags["data_version"] = str(training["data_version"])
        run = str(store.create_run(experiment, run_name=f"{name} {version}", tags=tags).info.run_id)
        for key, value in _flat(training).items():
            store.log_param(run, key, value)
        history = file.parent / "history.csv"
        if history.exists():
            _log_curves(store, run, history)
        for artifact in (file, history, file.parent / "curves.png", start_beside(file)):
            if artifact.exists():
                store.log_artifact(run, str(artifact), "model")
        # Last: a run that was interrupted before this is not taken for the model's, but made anew.
        store.set_tag(run, MODEL_VERSION, version)
    for key, value in figures.items():
        store.log_metric(run, f"test.{key}", float(value))
    store.set_terminated(run)
    kept = store.get_run(run).data.tags
    about = {key: kept[key] for key in (MODEL_VERSION, "data_version", "git_commit") if key in kept}
    about["sha256"] = sha256_of(file)
    number = register(store, name, run, about | {f"test.{key}": f"{value:.6g}" for key, value in figures.items()})
    logger.info("%s %s: version %s, run %s", name, version, number, run)
    return run, number


def register_challenger(paths: Paths, file: Path) -> str:
    """Make a recognizer's file a version that challenges the champion, as one that was taught.

    Args:
        paths: The project.
        file: The model file.

    Returns:
        MLflow's number of the version.

    Raises:
        ModelFileError: The file cannot be read.
        RegistryError: The store is away.
    """
    with answering(paths):
        store = client(paths)
        number = log_model(store, RECOGNIZER, file, paths, {})[1]
        _challenge(store, number)
    return number


def _challenge(store: "MlflowClient", number: str) -> None:
    """Name a version the challenger, unless it is the champion."""
    champion = alias(store, CHAMPION)
    if champion is None or champion.number != number:
        store.set_registered_model_alias(RECOGNIZER, CHALLENGER, number)


def _experiment(store: "MlflowClient", name: str, paths: Paths) -> str:
    found = store.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    # A server has a place for artefacts; the local store would put them in whatever folder one happens to stand in.
    remote = bool(os.environ.get("MLFLOW_TRACKING_URI"))
    return str(store.create_experiment(name, None if remote else (paths.root / "mlartifacts" / name).as_uri()))


def _log_curves(store: "MlflowClient", run: str, history: Path) -> None:
    from mlflow.entities import Metric

    table = pd.read_csv(history)
    metrics = [
        Metric(column, float(value), round(1000 * float(seconds)), int(step))
        for column in table.columns.difference(["epoch", "step", "seconds"])
        for value, seconds, step in zip(table[column], table["seconds"], table["step"], strict=True)
        if pd.notna(value)
    ]
    for start in range(0, len(metrics), 1000):  # the most that a request may hold
        store.log_batch(run, metrics=metrics[start : start + 1000])


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
    try:
        with Repo(root) as clone:
            return clone.head().decode()
    except (NotGitRepository, KeyError):  # KeyError: a clone without a commit
        return "unknown"


def main() -> None:
    """Record the project's models."""
    log_runs(Paths())


if __name__ == "__main__":
    run_stage(main)
