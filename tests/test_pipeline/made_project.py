"""A small project of its own, laid out as a clone without Git: what the scheduled pipeline runs in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def make_project(folder: Path, words: int, writers: int, minutes: float) -> Path:
    """Copy the code and the released model, and write a params.yaml of a small sample and a short training."""
    folder.mkdir(parents=True)
    for name in ("src", "scripts"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "models" / "released", folder / "models" / "released")
    for name in ("dvc.yaml", "run_mlops_pipeline.sh"):
        shutil.copy(ROOT / name, folder)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    params = {
        "sample": {"words": words, "writers": writers},
        "recognizer": {
            "max_minutes": minutes,
            "blocks": [1, 2, 2],
            "columns_per_batch": 2048,
            "checkpoint_minutes": 0.1,
        },
        "language": {"languages": []},
        "evaluate": {"bootstrap_rounds": 50},
        "gate": {"milliseconds": 1000.0},  # the machine may be busy with other tests
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    return folder


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a run: this project's code, its own store, no service."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("LONGHAND_", "MLFLOW_"))}
    database = f"sqlite:///{folder / 'data' / 'service' / 'longhand.db'}"
    return own | {"PYTHONPATH": str(folder), "LONGHAND_DATABASE_URL": database} | more


def run_script(folder: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run the pipeline's script as a person does, from another folder."""
    command = ["/bin/bash", str(folder / "run_mlops_pipeline.sh"), "--local"]
    return subprocess.run(
        command, cwd="/", env=environment(folder, **more), capture_output=True, text=True, timeout=500, check=False
    )
