"""Versions of the recognizer in the registry, and their files."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.errors import RegistryError
from src.files import write_whole_folder
from src.registry.client import RECOGNIZER
from src.registry.published import sha256_of

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

MODEL, START = "recognizer.onnx", "start.pt"
MODEL_VERSION = "model_version"  # the tag of runs and versions that holds the model's own version


@dataclass(frozen=True)
class Version:
    """A version of the recognizer.

    Attributes:
        number: MLflow's number of it.
        version: The model's own version, as its file has it.
        run: Its run's id.
        created: When it was registered.
        tags: What is known of it: data_version, git_commit, figures of the test writers, what happened to it.
    """

    number: str
    version: str
    run: str
    created: datetime
    tags: Mapping[str, str]


def register(client: "MlflowClient", name: str, run: str, tags: Mapping[str, Any]) -> str:
    """Make a run's model a version of a registered model; one that is a version already gets the tags anew.

    Args:
        client: The registry.
        name: The registered model; it is made if there is none.
        run: The run, whose artifacts "model" hold the files.
        tags: What is to be known of the version.

    Returns:
        MLflow's number of the version.
    """
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    known = client.search_model_versions(f"name = '{name}' and run_id = '{run}'")
    texts = {key: str(value) for key, value in tags.items()}
    if known:
        for key, value in texts.items():
            client.set_model_version_tag(name, known[0].version, key, value)
        return str(known[0].version)
    source = f"{client.get_run(run).info.artifact_uri}/model"
    return str(client.create_model_version(name, source, run, tags=texts).version)


def versions(client: "MlflowClient") -> list[Version]:
    """All versions of the recognizer, the newest first."""
    found = client.search_model_versions(f"name = '{RECOGNIZER}'")
    return [_version(one) for one in sorted(found, key=lambda one: -int(one.version))]


def find(client: "MlflowClient", version: str) -> Version:
    """A version by the model's own version, or by MLflow's number.

    Raises:
        RegistryError: There is none.
    """
    for one in versions(client):
        if version in (one.version, one.number):
            return one
    raise RegistryError(f"no version {version!r} of {RECOGNIZER}; `longhand models list` shows them")


def alias(client: "MlflowClient", name: str) -> Version | None:
    """The version that an alias names; None if there is no such alias."""
    models = client.search_registered_models(f"name = '{RECOGNIZER}'")
    if not models:
        return None
    # A search gives the aliases of none.
    number = client.get_registered_model(RECOGNIZER).aliases.get(name)
    return None if number is None else _version(client.get_model_version(RECOGNIZER, str(number)))


def fetch(client: "MlflowClient", version: Version, target: Path) -> Path:
    """Bring a version's files to a folder: recognizer.onnx and, if it has them, the weights that trainings start from.

    Args:
        client: The registry.
        version: Which.
        target: The folder; whole or not at all. If the model file is there already and whole, nothing is fetched.

    Returns:
        The model file.

    Raises:
        RegistryError: The version has no model file.
    """
    known = version.tags.get("sha256")
    if not (target / MODEL).is_file() or (known and sha256_of(target / MODEL) != known):
        there = {item.path for item in client.list_artifacts(version.run, "model")}
        if f"model/{MODEL}" not in there:
            raise RegistryError(f"version {version.version}: its run {version.run} holds no {MODEL}")
        with tempfile.TemporaryDirectory() as scratch, write_whole_folder(target) as folder:
            for name in (MODEL, START):
                if f"model/{name}" in there:
                    shutil.copyfile(client.download_artifacts(version.run, f"model/{name}", scratch), folder / name)
    return target / MODEL


def _version(found: "ModelVersion") -> Version:
    tags = dict(found.tags)
    return Version(
        number=str(found.version),
        version=tags.get(MODEL_VERSION, str(found.version)),
        run=str(found.run_id),
        created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        tags=tags,
    )
