"""A registry in a folder, with versions of the tiny model."""

import json
from pathlib import Path

from src.paths import Paths
from src.registry.log_runs import register_challenger
from src.registry.promotion import promote
from tests.tiny_model import info, write_tiny_model


def write_version(paths: Paths, version: str) -> Path:
    """A model file of a version of the tiny model, as a training leaves it."""
    return write_tiny_model(paths.root / "trained" / version / "recognizer.onnx", info(version=version).to_metadata())


def make_registry(root: Path, *versions: str) -> Paths:
    """Register versions of the tiny model, and promote them one after the other."""
    paths = Paths(root)
    root.mkdir(parents=True, exist_ok=True)
    for version in versions:
        register_challenger(paths, write_version(paths, version))
        promote(paths, version, f"{version} is good")
    return paths


def champion(paths: Paths) -> str:
    """The version that the registry's folder names."""
    return str(json.loads((paths.registry / "champion.json").read_text())["version"])
