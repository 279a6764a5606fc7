"""run_mlops_pipeline.sh: order, lock, time limits, the failed step's name, and going on after a kill."""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.test_pipeline.made_project import ROOT, make_project, run_script


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    return make_project(tmp_path_factory.mktemp("script") / "project", 60, 12, 1.0)


def metrics(project: Path) -> str:
    return (project / "data" / "pipeline" / "pipeline.prom").read_text()


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing():
    done = subprocess.run(
        ["shellcheck", "run_mlops_pipeline.sh"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_an_unknown_option_is_refused(project):
    done = subprocess.run(
        ["/bin/bash", str(project / "run_mlops_pipeline.sh"), "--lokal"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "usage" in done.stderr


def test_two_runs_never_overlap(project):
    (project / "data" / "pipeline").mkdir(parents=True, exist_ok=True)
    with (project / "data" / "pipeline" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run_script(project)
    assert done.returncode == 75
    assert "another run is at work" in done.stderr
    assert not (project / "data" / "raw").exists(), "it touched nothing"


def test_a_step_whose_time_is_over_is_named_and_the_next_run_goes_on_after_it(project):
    first = run_script(project, LONGHAND_TRAINING_SECONDS="6")
    assert first.returncode == 1
    lines = first.stdout.strip().splitlines()
    assert lines[-1].endswith("failed step: training"), first.stdout
    assert "its time was over" in first.stdout
    assert "prediction" not in first.stdout, "no step after a failed one"
    assert 'longhand_pipeline_outcome{outcome="failed"} 1.0' in metrics(project)
    assert 'longhand_pipeline_failed_step{step="training"} 1.0' in metrics(project)
    (log,) = (project / "data" / "pipeline" / "logs").glob("*.log")
    assert "failed step: training" in log.read_text()
    state = json.loads((project / "data" / "pipeline" / "state.json").read_text())
    assert state["learnt"] is None
    second = run_script(project, LONGHAND_TRAINING_SECONDS="6")
    assert "encode_data: done by the run before" in second.stdout


def test_a_failed_step_ends_the_run_with_its_name(project):
    (project / "data" / "raw" / "broken.tar.gz").write_bytes(b"not an archive")
    done = run_script(project)
    (project / "data" / "raw" / "broken.tar.gz").unlink()
    assert done.returncode == 1
    assert done.stdout.strip().endswith("failed step: ingestion")
    assert "broken.tar.gz" in done.stdout, "the reason stands in the log"
    assert "=== training" not in done.stdout
    assert 'longhand_pipeline_failed_step{step="ingestion"} 1.0' in metrics(project)
