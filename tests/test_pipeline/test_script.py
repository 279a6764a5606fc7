"""run_mlops_pipeline.sh: order, lock, time limits, the failed step's name, and going on after a kill."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.test_pipeline.made_project import ROOT, environment, make_project, run_script


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


def bare(folder: Path, longhand: str) -> Path:
    """The script alone, with a program in longhand's place."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "run_mlops_pipeline.sh", folder)
    write_program(folder / ".venv" / "bin" / "longhand", longhand)
    return folder


def write_program(file: Path, commands: str) -> None:
    file.write_text(f"#!/bin/bash\n{commands}\n")
    file.chmod(0o755)


def test_settings_of_a_file_are_read_and_not_executed_and_those_of_the_environment_win(tmp_path):
    project = bare(
        tmp_path, 'echo "url=$LONGHAND_SERVICE_URL key=$LONGHAND_KEY who=$LONGHAND_WHO other=$LONGHAND_OTHER."'
    )
    (project / ".env").write_text(
        "# LONGHAND_OTHER=no\nLONGHAND_SERVICE_URL=http://file\nLONGHAND_KEY='a b'  # a comment\r\n"
        "LONGHAND_WHO=$(touch hacked) # a comment\ntouch hacked\nLONGHAND_OTHER=last"
    )
    done = run_script(project, LONGHAND_SERVICE_URL="http://environment")
    assert done.returncode == 0, done.stdout
    assert "url=http://environment key=a b who=$(touch hacked) other=last." in done.stdout
    assert not (project / "hacked").exists()


def containers(folder: Path, training: str) -> tuple[Path, dict[str, str]]:
    """A project whose docker and docker-compose only note how they were called; and what the training does."""
    project = bare(folder / "project", "exit 1")
    programs = folder / "programs"
    programs.mkdir()
    note = f'echo "$(basename "$0") $*" >>{folder}/calls'
    write_program(programs / "docker", note)
    write_program(programs / "docker-compose", f"{note}\nif [[ $* == *'pipeline training'* ]]; then {training}; fi")
    return project, environment(project, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")


def test_a_container_that_was_left_is_removed_before_its_step(tmp_path):
    project, own = containers(tmp_path, "exit 3")
    command = ["/bin/bash", str(project / "run_mlops_pipeline.sh")]
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    run = "docker-compose run --rm --no-deps --name longhand_"
    assert (tmp_path / "calls").read_text().splitlines() == [
        "docker rm --force longhand_ingestion",
        f"{run}ingestion ingestion longhand pipeline ingestion",
        "docker-compose up -d --wait mlflow",
        "docker rm --force longhand_training",
        f"{run}training training longhand pipeline training",
        "docker rm --force longhand_training",
        "docker rm --force longhand_monitoring",
        f"{run}monitoring ingestion longhand pipeline monitoring --failed training",
    ]


def test_a_signal_removes_the_container_of_the_step(tmp_path):
    project, own = containers(tmp_path, "sleep 60")
    calls, script = tmp_path / "calls", str(project / "run_mlops_pipeline.sh")
    with subprocess.Popen(["/bin/bash", script], env=own, stdout=subprocess.DEVNULL) as running:
        until = time.monotonic() + 30
        while not (calls.exists() and "pipeline training" in calls.read_text()):
            assert time.monotonic() < until
            time.sleep(0.1)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 143
    assert calls.read_text().splitlines()[-1] == "docker rm --force longhand_training"
