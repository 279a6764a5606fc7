"""The documented `docker run` commands with a person's own folders: nothing stays that is not the person's."""

import os
from pathlib import Path

import pytest

from tests.test_containers.conftest import ROOT, call, quoted

PERSON = 4321
INGESTION = (
    'docker run -v "$(pwd)/data/raw:/app/data/raw" -v "$(pwd)/.dvc:/app/.dvc" -v "$(pwd)/.git:/app/.git" '
    "ingestion_image"
)
TRAINING = (
    'docker run -v "$(pwd)/data:/app/data" -v "$(pwd)/models:/app/models" -v "$(pwd)/.dvc:/app/.dvc" '
    '-v "$(pwd)/.git:/app/.git" training_image'
)


@pytest.fixture
def clone(tmp_path: Path, small_params: Path) -> Path:
    """A clone that belongs to somebody who is not root, with a small archive in it."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to give the clone to another person")
    folder = tmp_path / "clone"
    call(f"git clone -q {quoted(ROOT)} {quoted(folder)} && cp {quoted(small_params)} {quoted(folder)}")
    call("python scripts/provide_data.py", cwd=folder, PYTHONPATH=str(folder))
    call(f"chown -R {PERSON}:{PERSON} {quoted(folder)}")
    return folder


def tidy(command: str) -> str:
    """The command; its container is removed when it ends."""
    return command.replace("docker run", "docker run --rm", 1)


def short(command: str) -> str:
    """The command with a short training's params.yaml."""
    words = tidy(command).split(" ")
    return " ".join([*words[:-1], '-v "$(pwd)/params.yaml:/app/params.yaml:ro"', words[-1]])


def others(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.lstat().st_uid != PERSON or path.lstat().st_gid != PERSON]


def test_the_documented_commands_leave_only_what_the_person_can_delete(images, clone):
    archive = (clone / "data" / "raw" / "raw_data.tar.gz").read_bytes()
    head = (clone / ".git" / "HEAD").read_bytes()
    call(tidy(INGESTION), cwd=clone)
    assert (clone / "data" / "raw" / "raw_data.tar.gz").read_bytes() == archive
    assert others(clone) == []

    call(short(TRAINING), cwd=clone)
    assert others(clone) == []
    assert (clone / "models" / "recognizer" / "recognizer.onnx").exists()
    assert (clone / "models" / "registry" / "champion.json").exists()
    assert (clone / ".git" / "HEAD").read_bytes() == head
    git = "git --no-optional-locks -c safe.directory='*'"
    assert call(f"{git} status --porcelain", cwd=clone) == " M params.yaml\n"

    call(short(TRAINING), cwd=clone)
    state = (clone / "data" / "pipeline" / "state.json").read_text()
    assert '"nothing_new"' in state
    call(f"docker run --rm --user {PERSON} -v {quoted(clone)}:/there training_image rm -r /there/data /there/models")


def test_documents_and_tests_name_the_same_commands():
    text = (ROOT / "docs" / "containers.md").read_text()
    for command in (INGESTION, TRAINING, "docker run -p 8000:8000 prediction_image"):
        assert command in " ".join(text.split()), command
