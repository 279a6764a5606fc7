"""The databases that the store is tested with: a file of SQLite, and a PostgreSQL server of the tests' own."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from src.api.store import Store

# Debian keeps a version's programs beside the path.
_PROGRAMS = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]


@pytest.fixture(scope="session", autouse=True)
def _own_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A service of a test that names no database must not write into the project."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LONGHAND_DATABASE_URL", f"sqlite:///{tmp_path_factory.mktemp('database') / 'longhand.db'}")
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL server without its database's name; skipped where none is installed."""
    found = next((str(folder) for folder in _PROGRAMS if (folder / "initdb").exists()), None)
    initdb = shutil.which("initdb", path=found) or shutil.which("initdb")
    if initdb is None or sys.platform == "win32":
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    pytest.importorskip("psycopg", reason="psycopg is not installed (pip install -e .[postgres])")
    control = Path(initdb).with_name("pg_ctl")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Not in pytest's folder: that of root is closed to others, and PostgreSQL does not run as root.
    folder = Path(tempfile.mkdtemp(prefix="longhand-postgres-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
    start = [control, "-D", data, "-w", "-l", folder / "log", "-o", options, "start"]
    try:
        for command in ([initdb, "-D", data, "-U", "longhand", "-A", "trust", "-E", "UTF8", "--no-sync"], start):
            subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=120)
        yield f"postgresql+psycopg://longhand@127.0.0.1:{port}/"
    finally:
        if (data / "postmaster.pid").exists():
            subprocess.run([control, "-D", data, "-m", "immediate", "stop"], user=user, cwd=folder, check=True)
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store' / 'longhand.db'}"
    server = request.getfixturevalue("postgres")
    name = f"test_{uuid.uuid4().hex}"
    engine = create_engine(f"{server}postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}{name}"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    yield store
    store.close()
