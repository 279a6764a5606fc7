"""Stages in a project that DVC watches: it decides what is run again, and a failure is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.errors import PipelineError
from src.paths import Paths
from src.pipeline.stages import run_stages

STAGES = """
stages:
  first:
    cmd: python first.py
    deps: [first.py]
    outs: [first.txt]
  second:
    cmd: python second.py
    deps: [second.py, first.txt]
    outs: [second.txt]
"""


@pytest.fixture
def project(tmp_path) -> Path:
    """Two stages; each writes its file, and a line of a log that DVC does not know."""
    for name in ("first", "second"):
        script = f"open('{name}.txt', 'w').write('made')\nopen('log', 'a').write('{name} ')\n"
        (tmp_path / f"{name}.py").write_text(script)
    (tmp_path / "dvc.yaml").write_text(STAGES)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=tmp_path, env=os.environ | {"PATH": path}, check=True)
    return tmp_path


def run(project: Path) -> None:
    run_stages(Paths(project), ["first", "second"], [], lambda _: None)


def test_what_is_up_to_date_is_not_run_again_and_a_stage_that_fails_is_named(project):
    run(project)
    assert (project / "log").read_text() == "first second "
    run(project)
    assert (project / "log").read_text() == "first second ", "nothing changed"
    (project / "second.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(PipelineError, match=r"^second: failed"):
        run(project)
    assert (project / "log").read_text() == "first second "
