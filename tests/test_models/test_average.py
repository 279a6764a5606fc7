"""The mean of several trainings' weights."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from src.data.samples import PackedSamples
from src.errors import ModelFileError
from src.models.average import average_recognizer, average_weights
from src.models.network import RecognizerNetwork
from src.models.start import Origin, Start, read_start, save_start
from src.models.train_recognizer import train_recognizer
from src.params import FeatureParams, Params, RecognizerParams
from src.paths import Paths, start_beside
from src.recognition import Charset, Recognizer, read_info
from tests.test_models.drawn_samples import write_drawn_samples

LEARNT = Origin(["a/1"], ["00000000000000ff"])
PARAMS = Params(
    features=FeatureParams(max_width=512),
    recognizer=RecognizerParams(
        start="chance",
        channels=(32, 32, 32, 64),
        head_layers=1,
        head_units=32,
        dropout=0.0,
        columns_per_batch=1024,
        epochs=16,
        learning_rate=0.003,
    ),
)


def make(charset: Charset, seed: int, blocks: tuple[int, int, int] = (1, 1, 1), units: int = 16) -> RecognizerNetwork:
    torch.manual_seed(seed)
    return RecognizerNetwork(charset.size, 48, (32, 32, 32, 32), blocks, "lstm", 1, units).eval()


def saved(network: RecognizerNetwork, charset: Charset, path: Path) -> Start:
    save_start(network.state_dict(), charset, LEARNT, path)
    return read_start(path)


def test_every_weight_is_the_mean(tmp_path):
    charset = Charset(tuple("abc"))
    first, second, third = (make(charset, seed) for seed in (1, 2, 3))
    others = [saved(network, charset, tmp_path / f"{n}.pt") for n, network in enumerate((first, second))]
    states = [network.state_dict() for network in (first, second, third)]
    expected = {name: sum(state[name] for state in states) / 3 for name in states[0] if "num_batches" not in name}
    average_weights(third, charset, others)
    for name, value in expected.items():
        torch.testing.assert_close(third.state_dict()[name], value, atol=2e-3, rtol=2e-3)


def test_the_last_training_may_count_more(tmp_path):
    charset = Charset(tuple("abc"))
    first, second, third = (make(charset, seed) for seed in (1, 2, 3))
    others = [saved(network, charset, tmp_path / f"{n}.pt") for n, network in enumerate((first, second))]
    states = [network.state_dict() for network in (first, second, third)]
    name = "classify.weight"
    expected = 0.15 * states[0][name] + 0.15 * states[1][name] + 0.7 * states[2][name]
    average_weights(third, charset, others, own_share=0.7)
    torch.testing.assert_close(third.state_dict()[name], expected, atol=2e-3, rtol=2e-3)


def test_what_another_does_not_know_is_left_as_it_is(tmp_path):
    known, charset = Charset(tuple("ab")), Charset(tuple("axb"))
    other = make(known, 1)
    network = make(charset, 2, blocks=(1, 2, 1))
    torch.nn.init.ones_(network.encoder.stages[1][2].second[1].weight)
    own = {name: value.clone() for name, value in network.state_dict().items()}
    average_weights(network, charset, [saved(other, known, tmp_path / "start.pt")])
    averaged = network.state_dict()
    torch.testing.assert_close(averaged["classify.weight"][2], own["classify.weight"][2])
    torch.testing.assert_close(averaged["classify.bias"][2], own["classify.bias"][2])
    half = (own["classify.bias"][3] + other.state_dict()["classify.bias"][2]) / 2
    torch.testing.assert_close(averaged["classify.bias"][3], half, atol=2e-3, rtol=2e-3)
    # A block that the other has not counts as one that hands on what comes.
    new = "encoder.stages.1.2"
    torch.testing.assert_close(averaged[f"{new}.first.0.weight"], own[f"{new}.first.0.weight"])
    torch.testing.assert_close(averaged[f"{new}.second.1.weight"], own[f"{new}.second.1.weight"] / 2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    paths = write_drawn_samples(tmp_path_factory.mktemp("trained"))
    train_recognizer(paths, PARAMS)
    return paths


def test_the_share_that_reads_the_validation_writers_best_is_taken(trained: Paths, tmp_path: Path):
    paths = Paths(shutil.copytree(trained.root, tmp_path / "project"))
    model = paths.recognizer_model
    before, info = Recognizer.load(model, threads=1), read_info(model)
    assert info.metrics["validation_cer"] < 0.5
    # Weights from chance can only spoil what was learnt.
    charset, layers = Charset(info.charset), PARAMS.recognizer
    torch.manual_seed(5)
    blank = RecognizerNetwork(charset.size, 48, layers.channels, layers.blocks, "lstm", 1, layers.head_units)
    save_start(blank.state_dict(), charset, Origin([], []), tmp_path / "chance.pt")
    average_recognizer(paths, PARAMS, [tmp_path / "chance.pt"])
    averaged = read_info(model)
    assert averaged.training["own_share"] == 1.0
    assert averaged.version != info.version
    samples = PackedSamples(paths.samples)
    images = [samples[row] for row in range(20)]
    after = Recognizer.load(model, threads=1)
    for old, new in zip(before.log_probs(images), after.log_probs(images), strict=True):
        np.testing.assert_allclose(old, new, atol=0.05)
    # A mean with itself changes nothing.
    average_recognizer(paths, PARAMS, [start_beside(trained.recognizer_model)], own_shares=(0.5,))
    assert read_info(model).metrics["validation_cer"] == pytest.approx(averaged.metrics["validation_cer"], abs=0.01)


def test_weights_that_know_who_is_measured_are_refused(trained: Paths, tmp_path: Path):
    own = read_start(start_beside(trained.recognizer_model))
    save_start(own.weights, own.charset, Origin(["drawn/9"], []), tmp_path / "knows.pt")
    with pytest.raises(ModelFileError, match="learnt from 1 writers"):
        average_recognizer(trained, PARAMS, [tmp_path / "knows.pt"])


def test_another_network_is_refused(tmp_path):
    charset = Charset(tuple("ab"))
    other = saved(make(charset, 1, units=24), charset, tmp_path / "start.pt")
    with pytest.raises(ModelFileError, match="another network"):
        average_weights(make(charset, 2), charset, [other])
