"""The service's log: lines that a machine reads, without what stands in documents unless the operator allows it."""

import json
from pathlib import Path

import httpx
import pytest

from tests.test_api.server import serve
from tests.test_api.test_api import picture
from tests.tiny_model import write_tiny_model


@pytest.mark.parametrize("allowed", [False, True])
def test_each_request_is_a_line_of_json_with_its_id_and_time(tmp_path: Path, allowed: bool):
    model = write_tiny_model(tmp_path / "tiny.onnx")
    with serve(tmp_path, model, log_format="json", log_text=str(allowed)) as server:
        answer = httpx.post(f"{server.url}/predict/", files={"file": picture()}, timeout=30)
        assert httpx.get(f"{server.url}/corrections/{'0' * 32}", timeout=30).status_code == 404
    text = server.log.read_text()
    # Before the app is there, uvicorn speaks in its own way.
    lines = [json.loads(line) for line in text[text.index("{") :].splitlines()]
    (told,) = [line for line in lines if line.get("request") == answer.headers["X-Request-ID"]]
    assert (told["method"], told["route"], told["status"]) == ("POST", "/predict/", 200)
    assert told["milliseconds"] > 0 and told["caller"] == "local" and told["time"] and told["level"] == "INFO"
    assert "/corrections/{name}" in [line.get("route") for line in lines]
    read = answer.json()
    (reading,) = [line["message"] for line in lines if line.get("prediction") == read["id"]]
    assert (read["text"] in reading) == allowed
