"""The project's own DVC stages on a small generated archive, and a remote by HTTP."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import grimp
import numpy as np
import pytest
import yaml

from tests.readme import commands

ROOT = Path(__file__).resolve().parents[1]
WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "again")
SHARE = "Share data, models and experiments"
# Modules whose change changes no artefact: where things lie, how they are written, what is said of errors.
PLUMBING = {f"src.{name}" for name in ("params", "paths", "files", "errors", "stage", "data.artefacts")}


def shell(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(folder)},
        timeout=120,
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def write_archive(target: Path) -> None:
    """An archive in IAM's layout: 6 writers, 10 words each."""
    folder = target.parent / "made"
    lines = []
    for writer in range(6):
        form = f"a{writer:02d}-000u"
        for number, word in enumerate(WORDS):
            image = np.full((48, 30 + 24 * len(word)), 235, np.uint8)
            cv2.putText(image, word, (8, 34), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.0, 20 + 5 * writer, 2)
            name = f"{form}-{number // 5:02d}-{number % 5:02d}"
            path = folder / "words" / form[:3] / form / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), image)
            lines.append(f"{name} ok 150 0 0 {image.shape[1]} {image.shape[0]} NN {word}\n")
    (folder / "ascii").mkdir()
    (folder / "ascii" / "words.txt").write_text("# made for a test\n" + "".join(lines))
    with tarfile.open(target, "w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this project's files in its own git repository, its first stages run on the small archive."""
    folder = tmp_path_factory.mktemp("clone") / "longhand"
    folder.mkdir()
    for name in ("src", ".dvc"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "cache", "tmp", "config.local")
        )
    for name in ("dvc.yaml", "params.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    shell("git init -q && git config user.name Test && git config user.email test@example.org", folder)
    shell("git add . && git commit -qm 'Begin'", folder)
    (folder / "data" / "raw").mkdir(parents=True)
    write_archive(folder / "data" / "raw" / "raw_data.tar.gz")
    shell("dvc repro clean_data", folder)
    shell("git add dvc.lock && git commit -qm 'First run'", folder)
    return folder


class Storage(BaseHTTPRequestHandler):
    """A plain file store: HEAD, GET and PUT."""

    files: dict[str, bytes]

    def do_PUT(self) -> None:
        self.files[self.path] = self._body()
        self._answer(201, b"")

    def do_GET(self) -> None:
        content = self.files.get(self.path)
        self._answer(404 if content is None else 200, content or b"")

    do_HEAD = do_GET  # noqa: N815 (the name that the base class calls)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """The test's output stays readable."""


@pytest.fixture
def storage() -> Iterator[tuple[str, dict[str, bytes]]]:
    handler = type("EmptyStorage", (Storage,), {"files": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/dvc", handler.files
        server.shutdown()
        thread.join()


def test_pushes_and_pulls_over_http(project: Path, storage: tuple[str, dict[str, bytes]], tmp_path: Path):
    url, files = storage
    pushing = [
        re.sub(r"https://\S+", url, line)
        for line in commands(section=SHARE)
        if line.startswith(("dvc remote", "dvc push"))
    ]
    assert [line.split()[1] for line in pushing] == ["remote", "remote", "push"]
    for command in pushing:
        shell(command, project)
    artefacts = {path: path.read_bytes() for path in (project / "data" / "interim").glob("*.*")}
    assert len(artefacts) == 6  # three tables, three reports
    assert {hashlib.md5(content).hexdigest() for content in files.values()} >= {
        hashlib.md5(content).hexdigest() for content in artefacts.values()
    }

    shell("git add .dvc/config && git commit -qm 'Name the storage'", project)
    shell(f"git clone -q {project} {tmp_path / 'colleague'}", tmp_path)
    assert "dvc pull" in commands(section=SHARE)
    shell("dvc pull clean_data filter_data load_dataset", tmp_path / "colleague")
    for path, content in artefacts.items():
        assert (tmp_path / "colleague" / path.relative_to(project)).read_bytes() == content


def test_a_second_repro_runs_nothing(project: Path):
    assert "Running stage" not in shell("dvc repro clean_data", project)


def test_a_changed_setting_reruns_its_stage_and_what_follows(project: Path):
    said = shell("dvc exp run -S filter.min_width_per_character=1.6 clean_data", project)
    assert re.findall(r"Running stage '(\w+)'", said) == ["filter_data"]  # the same table: clean_data is not run
    shown = json.loads(shell("dvc exp show --json", project))
    assert "1.6" in json.dumps(shown)


def test_stages_depend_on_the_modules_that_they_import():
    graph = grimp.build_graph("src")
    for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items():
        scripts = re.findall(r"src/\S+\.py", str(stage["cmd"]))
        needed, waiting = set(), [script.removesuffix(".py").replace("/", ".") for script in scripts]
        while waiting:
            module = waiting.pop()
            if module not in needed | PLUMBING:
                needed.add(module)
                waiting += graph.find_modules_directly_imported_by(module)
        files = {f"{module.replace('.', '/')}.py" for module in needed}
        listed = {dependency for dependency in stage["deps"] if dependency.startswith("src/")}
        assert listed == {file for file in files if (ROOT / file).exists()}, f"{name}: dvc.yaml and the imports differ"


def test_every_setting_belongs_to_a_stage():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    used = {key.split(".")[0] for stage in stages for key in stage.get("params", [])}
    assert used == set(yaml.safe_load((ROOT / "params.yaml").read_text())) - {"sample", "teach"}
