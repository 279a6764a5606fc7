"""Every command of README.md is run, by a test here or by .ci/run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.readme import README, commands
from tests.test_dvc import SHARE, write_archive

ROOT = README.parent
BRING = "Bring your own data"
KNOWN = "What you know beforehand"
TEACH = "It fails on my handwriting"
ALTO = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#">
 <Description><sourceImageInformation><fileName>{page}.png</fileName></sourceImageInformation></Description>
 <Layout><Page ID="p" WIDTH="600" HEIGHT="200"><PrintSpace><TextBlock ID="b">
  <TextLine ID="l" HPOS="10" VPOS="20" WIDTH="560" HEIGHT="80">
   <Shape><Polygon POINTS="10,20 570,20 570,100 10,100"/></Shape>
   <String CONTENT="{text}" HPOS="10" VPOS="20" WIDTH="560" HEIGHT="80"/>
  </TextLine>
 </TextBlock></PrintSpace></Page></Layout>
</alto>
"""


def write_page(folder: Path, page: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    image = np.full((200, 600), 230, np.uint8)
    cv2.putText(image, text, (20, 80), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.2, 30, 2)
    cv2.imwrite(str(folder / f"{page}.png"), image)
    (folder / f"{page}.xml").write_text(ALTO.format(page=page, text=text), encoding="utf-8")


@pytest.fixture
def ground_truth(tmp_path: Path) -> Path:
    """The folders that README.md speaks of, small."""
    write_archive(tmp_path / "iam.tar.gz")
    shutil.unpack_archive(tmp_path / "iam.tar.gz", tmp_path / "iam")
    for part in ("words", "ascii"):
        shutil.make_archive(str(tmp_path / "iam" / part), "gztar", tmp_path / "iam" / part)
        (tmp_path / "iam" / f"{part}.tar.gz").rename(tmp_path / "iam" / f"{part}.tgz")
        shutil.rmtree(tmp_path / "iam" / part)
    for number in (1, 2):
        write_page(tmp_path / "pages", f"sheet{number}", "a line of a page")
        write_page(tmp_path / "letters", f"page_{number}_a", "a line of a letter")
    (tmp_path / "table").mkdir()
    image = np.full((40, 200), 240, np.uint8)
    cv2.putText(image, "Zittau", (10, 30), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.0, 10, 2)
    cv2.imwrite(str(tmp_path / "table" / "one.png"), image)
    (tmp_path / "table" / "metadata.csv").write_text("file_name,text,writer_id\none.png,Zittau,w1\n")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", [line for line in commands(section=BRING) if line.startswith("longhand import")])
def test_import_as_documented(ground_truth: Path, line: str):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in (line, "python -m src.data.extract_raw_data", "python -m src.data.load_dataset"):
        result = subprocess.run(
            command, shell=True, cwd=ground_truth, capture_output=True, text=True, env=os.environ | {"PATH": path}
        )
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    assert (ground_truth / "data" / "interim" / "manifest.parquet").exists()


def test_reading_with_knowledge_as_documented(tmp_path: Path):
    image = np.full((80, 300), 235, np.uint8)
    cv2.putText(image, "Zittau", (20, 55), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.6, 20, 2)
    cv2.imwrite(str(tmp_path / "word.png"), image)
    (tmp_path / "towns.txt").write_text("Zittau\nMarseille\nOslo\n", encoding="utf-8")
    (tmp_path / "letters.txt").write_text("Nous partons pour Zittau demain.\n", encoding="utf-8")
    longhand = Path(sys.executable).with_name("longhand")
    model = os.environ | {"LONGHAND_MODEL": str(ROOT / "models" / "released" / "recognizer.onnx")}
    said = []
    for line in commands(section=KNOWN):
        command = line.replace(".venv/bin/longhand", str(longhand))
        result = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, env=model)
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
        said.append(result.stdout)
    assert said[0].startswith("Zittau\t")
    assert len(said[2].strip().split("\t")) == 2


def test_teaching_as_documented(tmp_path: Path):
    words = tmp_path / "my-words"
    words.mkdir()
    rows = ["file_name,text"]
    for number in range(12):
        image = np.full((80, 300), 235, np.uint8)
        cv2.putText(image, "Zittau", (20, 55), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.2 + number / 20, 20, 2)
        cv2.imwrite(str(words / f"{number}.png"), image)
        rows.append(f"{number}.png,Zittau")
    cv2.imwrite(str(tmp_path / "word.png"), image)
    (words / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "params.yaml").write_text("teach: {steps: 5, epochs: 1, columns: 1024, others: 20}\n")
    released = os.environ | {"LONGHAND_MODEL": str(ROOT / "models" / "released" / "recognizer.onnx")}
    for line in commands(section=TEACH):
        command = line.replace(".venv/bin/longhand", str(Path(sys.executable).with_name("longhand")))
        result = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, env=released)
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    assert len(result.stdout.strip().split("\t")) == 2


def test_every_command_is_run():
    ci = [line.strip() for line in (ROOT / ".ci" / "run").read_text().splitlines() if not line.lstrip().startswith("#")]
    by_ci = {re.sub(r" (SERVE=0|2>&1.*|>.*|&)", "", line) for line in ci} | set(ci)
    by_ci |= {re.sub(r" (2>&1.*|>.*)", "", line) for line in ci}
    imports = {line for line in commands(section=BRING) if line.startswith("longhand import")}
    by_tests = imports | set(commands(section=SHARE)) | set(commands(section=KNOWN)) | set(commands(section=TEACH))
    assert len(imports) == 4
    missing = [line for line in commands() if line not in by_ci | by_tests]
    assert missing == []


def test_windows_commands_are_tasks():
    accepted = re.search(r"ValidateSet\((.+?)\)", (ROOT / "make.ps1").read_text())
    assert accepted
    lines = commands("powershell")
    assert lines
    for line in lines:
        assert line.removeprefix("./make.ps1 ") in re.findall(r'"(\w+)"', accepted[1])


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="PowerShell (pwsh) is not installed")
def test_windows_help():
    result = subprocess.run(["pwsh", "-NoProfile", "./make.ps1", "help"], cwd=ROOT, capture_output=True, text=True)
    assert "./make.ps1 run" in result.stdout


def test_links_lead_to_files():
    for document in (README, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
