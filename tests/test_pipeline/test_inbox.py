"""Archives that come in from a folder which the pipeline may only read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.errors import PipelineError
from src.pipeline.inbox import take_in

ROOT = Path(__file__).parents[2]


@pytest.fixture
def inbox(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    monkeypatch.setenv("LONGHAND_INBOX", str(folder))
    return folder


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_what_is_new_or_changed_is_copied_once(inbox, tmp_path):
    raw = tmp_path / "raw"
    for name in ("letters.zip", "corrections.tar.gz", "notes.txt", ".hidden.zip"):
        (inbox / name).write_bytes(b"first")
    os.utime(inbox / "letters.zip", ns=(10**18, 10**18))
    assert take_in(raw, besides="corrections") == [raw / "letters.zip"]
    assert names(raw) == ["letters.zip"], "corrections are of another service, the rest is no archive"
    assert (raw / "letters.zip").stat().st_mtime_ns == 10**18, "unpacked once, by its time"
    assert take_in(raw, besides="corrections") == []

    (inbox / "letters.zip").write_bytes(b"second")
    assert take_in(raw, besides="corrections") == [raw / "letters.zip"]
    assert (raw / "letters.zip").read_bytes() == b"second"
    (inbox / "letters.zip").unlink()
    assert take_in(raw, besides="corrections") == []
    assert names(raw) == ["letters.zip"]


def test_one_packed_in_another_way_takes_the_place(inbox, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "raw_data.tar.gz").write_bytes(b"drawn")
    (inbox / "raw_data.zip").write_bytes(b"a person's")
    take_in(raw, besides="corrections")
    assert names(raw) == ["raw_data.zip"]


def test_without_an_inbox_nothing_is_done(tmp_path, monkeypatch):
    monkeypatch.delenv("LONGHAND_INBOX", raising=False)
    assert take_in(tmp_path / "raw", besides="corrections") == []
    assert not (tmp_path / "raw").exists()


def test_an_inbox_that_is_not_there_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGHAND_INBOX", str(tmp_path / "nowhere"))
    with pytest.raises(PipelineError, match=r"nowhere: No such file.*LONGHAND_INBOX"):
        take_in(tmp_path / "raw", besides="corrections")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_an_archive_that_may_not_be_read_is_told_of(inbox, tmp_path):
    (inbox / "letters.zip").touch(mode=0o600)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    (raw := tmp_path / "raw").mkdir()
    raw.chmod(0o777)
    script = (
        "import os; from pathlib import Path; from src.pipeline.inbox import take_in; "
        f"os.setuid(4321); take_in(Path({str(raw)!r}), 'c')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert "letters.zip: Permission denied; LONGHAND_INBOX" in done.stderr
    assert names(raw) == [], "nothing half copied"
