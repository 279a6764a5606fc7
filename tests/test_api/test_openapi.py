"""The interface keeps to its own description: schemathesis finds nothing."""

import subprocess
import sys
from pathlib import Path

from src.api.keys import Role, digest_of
from src.api.store import Store
from tests.test_api.server import serve
from tests.tiny_model import write_tiny_model

KEY = "lh_schemathesis"


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'longhand.db'}")
    store.add_key("schemathesis", Role.ADMIN, digest_of(KEY))
    store.close()
    with serve(tmp_path, write_tiny_model(tmp_path / "tiny.onnx"), keys="on", keep_predictions="true") as server:
        command = [
            str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.url}/openapi.json", "--no-color",
            "-H", f"X-API-Key: {KEY}", "--max-examples", "25", "--seed", "1", "--request-timeout", "20",
            # A schema cannot say that a file is an image, or that a text is of a model's characters.
            "--exclude-checks", "positive_data_acceptance",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stdout
        assert "Tested: " in done.stdout
        assert server.process.poll() is None
        assert "unexpected fault" not in server.log.read_text()
