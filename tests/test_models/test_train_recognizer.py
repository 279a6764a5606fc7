"""The recognizer's training, really run: it learns, and a kill at any moment costs minutes, not the result."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from src.data.samples import PackedSamples
from src.errors import MissingArtefactError
from src.models.dataset import load_part
from src.models.start import Origin, read_start, save_start
from src.models.train_recognizer import _resumable, train_recognizer
from src.models.training_reference import training_reference
from src.params import Params, RecognizerParams
from src.paths import Paths
from src.recognition import Recognizer, read_info
from src.recognition.charset import Charset
from src.recognition.decode import greedy
from tests.test_models.drawn_samples import write_drawn_samples

# Small, and without dropout: then every step is determined by its place, also after a resume.
SETTINGS = {
    "channels": [32, 32, 32, 64],
    "head_layers": 1,
    "head_units": 32,
    "dropout": 0.0,
    "columns_per_batch": 1024,
    "epochs": 4,
    "learning_rate": 0.003,
    "checkpoint_minutes": 0.001,
}
SCRIPT = Path(__file__).parents[2] / "src" / "models" / "train_recognizer.py"


def start(root: Path, **settings: float) -> subprocess.Popen:
    """Train as the stage does: in a process of its own, where PyTorch is alone with its threads."""
    (root / "params.yaml").write_text(yaml.safe_dump({"recognizer": SETTINGS | settings}))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, SCRIPT], cwd=root, env=environment, stderr=subprocess.PIPE, text=True)


def weights(paths: Paths) -> dict[str, torch.Tensor]:
    return read_start(paths.recognizer / "start.pt").weights


def test_killed_and_started_again_it_ends_as_if_never_killed(tmp_path):
    killed, whole = (write_drawn_samples(tmp_path / name, 160) for name in ("killed", "whole"))
    first = start(killed.root)
    last = killed.recognizer / "checkpoints" / "last.ckpt"
    for _ in range(1200):
        if last.exists() and torch.load(last, weights_only=True)["global_step"] >= 5:
            break
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    step = torch.load(last, weights_only=True)["global_step"]
    assert not killed.recognizer_model.exists()
    second = start(killed.root)
    _, log = second.communicate(timeout=300)
    assert second.returncode == 0, log
    assert f"from step {step}" in log
    _, log = (uninterrupted := start(whole.root)).communicate(timeout=300)
    assert uninterrupted.returncode == 0, log
    resumed, expected = weights(killed), weights(whole)
    for name, values in expected.items():
        torch.testing.assert_close(resumed[name], values, rtol=1e-3, atol=1e-3, msg=name)
    assert not last.exists(), "a finished training must not be taken for a killed one"
    histories = [pd.read_csv(paths.recognizer / "history.csv") for paths in (killed, whole)]
    assert histories[0]["step"].tolist() == histories[1]["step"].tolist()


def test_it_learns_to_read_writers_it_never_saw(tmp_path):
    paths = write_drawn_samples(tmp_path, 400)
    _, log = (training := start(paths.root, epochs=30, checkpoint_minutes=5.0, max_minutes=4.0)).communicate()
    assert training.returncode == 0, log
    history = pd.read_csv(paths.recognizer / "history.csv")
    assert history["validation_cer"].iloc[-1] < 0.2 < history["validation_cer"].iloc[0]
    samples = PackedSamples(paths.samples)
    test = load_part("test", paths.encoded, paths.split, samples)
    recognizer = Recognizer.load(paths.recognizer_model)
    assert recognizer.info.training["samples"] == 320
    assert recognizer.info.reference == training_reference(
        load_part("train", paths.encoded, paths.split, samples), samples, []
    )
    frames = recognizer.log_probs([samples[row] for row in test.rows])
    read = [recognizer.charset.decode(greedy(item).codes) for item in frames]
    right = sum(text == truth for text, truth in zip(read, test.texts, strict=True))
    assert right / len(test) > 0.5, list(zip(read, test.texts, strict=True))[:10]


def test_the_clock_ends_the_schedule(tmp_path):
    paths = write_drawn_samples(tmp_path, 80)
    began = time.monotonic()
    _, log = (training := start(paths.root, epochs=10_000, max_minutes=0.1)).communicate()
    assert training.returncode == 0, log
    assert time.monotonic() - began < 60
    last = pd.read_csv(paths.recognizer / "history.csv").iloc[-1]
    assert last["learning_rate"] == pytest.approx(0.0, abs=1e-9)


def test_other_settings_do_not_take_up_the_old_training(tmp_path):
    charset = Charset(("a",))
    settings = RecognizerParams()
    checkpoint = tmp_path / "last.ckpt"
    kept = {
        "longhand": {"characters": ["a"], "params": settings.model_dump(mode="json")},
        "hyper_parameters": {"data_version": "1"},
    }
    torch.save(kept, checkpoint)
    assert _resumable(checkpoint, settings, charset, "1") is not None
    assert _resumable(checkpoint, settings, charset, "2") is None
    assert _resumable(checkpoint, settings.model_copy(update={"epochs": 3}), charset, "1") is None


def test_a_missing_stage_is_named(tmp_path):
    with pytest.raises(MissingArtefactError, match="encode_data"):
        train_recognizer(Paths(tmp_path), Params())


def test_it_starts_from_the_released_weights_and_says_so(tmp_path):
    paths = write_drawn_samples(tmp_path, 160)
    charset = Charset.from_json(paths.charset.read_text(encoding="utf-8"))
    _, log = (first := start(paths.root)).communicate()
    assert first.returncode == 0, log
    paths.released_model.parent.mkdir(parents=True)
    shutil.copy(paths.recognizer_model, paths.released_model)
    save_start(weights(paths), charset, Origin(["elsewhere/1"], []), paths.start_weights)
    began = read_info(paths.recognizer_model)
    assert began.training["start"] == "chance"
    from_chance = pd.read_csv(paths.recognizer / "history.csv")["train_loss"].iloc[0]
    _, log = (second := start(paths.root, epochs=1)).communicate()
    assert second.returncode == 0, log
    assert read_info(paths.recognizer_model).training["start"] == began.version
    assert pd.read_csv(paths.recognizer / "history.csv")["train_loss"].iloc[0] < 0.8 * from_chance
