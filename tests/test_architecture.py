"""The rules of the house: imports go down, a serving install has no training package, tasks and pins agree."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BINARIES = Path(sys.executable).parent
TRAINING_PACKAGES = {"torch", "lightning", "pandas", "mlflow", "sklearn", "matplotlib", "onnx", "pyarrow"}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BINARIES / "lint-imports", "--no-cache", "--no-logo"], cwd=folder, capture_output=True, text=True
    )


def test_imports_go_down():
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("recognition/normalize.py", "from src.data import samples", "An import goes down"),
        ("recognition/normalize.py", "import pandas", "Reading an image needs none"),
        ("data/samples.py", "import torch", "Ground truth becomes samples without PyTorch"),
    ],
)
def test_an_import_against_the_rules_is_found(tmp_path: Path, module: str, line: str, contract: str):
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "src" / module).open("a") as file:
        file.write(f"\n{line}\n")
    result = lint_imports(tmp_path)
    assert result.returncode != 0
    assert re.search(rf"{contract}.* BROKEN", result.stdout), result.stdout


@pytest.mark.parametrize("module", ["src.api.api", "src.cli"])
def test_serving_imports_no_training_package(module: str):
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert not TRAINING_PACKAGES & set(result.stdout.split())


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-serve.txt"])
def test_requirements_are_exact(name: str):
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    assert lines.pop() == "-e ."
    assert len(lines) > 20
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9._-]+==(\d+!)?[\w.]+(; .+)?", line)] == []
    if name == "requirements-serve.txt":
        assert not TRAINING_PACKAGES & {line.partition("==")[0] for line in lines}


def test_tasks_are_the_same_on_windows():
    makefile, powershell = ((ROOT / name).read_text() for name in ("Makefile", "make.ps1"))
    tasks = re.search(r"^\.PHONY: (.+)$", makefile, re.M)
    accepted = re.search(r"ValidateSet\((.+?)\)", powershell)
    assert tasks and accepted
    assert tasks[1].split() == re.findall(r'"(\w+)"', accepted[1])
    stages = re.search(r"STAGES := (.+?)\nMODELS := (.+?)\n", makefile, re.S)
    windows_stages = re.search(r"\$stages = (.+?)\n\$models = (.+?)\n", powershell, re.S)
    assert stages and windows_stages
    for ours, theirs in zip(stages.groups(), windows_stages.groups(), strict=True):
        assert re.findall(r"\w+", ours) == re.findall(r"\w+", theirs)


def test_help_lists_every_task():
    tasks = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make (\w+)", tasks, re.M) == [
        "help",
        "setup",
        "run",
        "pipeline",
        "serve",
        "test",
        "lint",
        "bench",
    ]
