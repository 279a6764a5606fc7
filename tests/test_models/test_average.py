"""The mean of several trainings' weights."""

from pathlib import Path

import pytest
import torch

from src.errors import ModelFileError
from src.models.average import average_weights
from src.models.network import RecognizerNetwork
from src.models.start import Origin, Start, read_start, save_start
from src.recognition import Charset

LEARNT = Origin(["a/1"], ["00000000000000ff"])


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


def test_another_network_is_refused(tmp_path):
    charset = Charset(tuple("ab"))
    other = saved(make(charset, 1, units=24), charset, tmp_path / "start.pt")
    with pytest.raises(ModelFileError, match="another network"):
        average_weights(make(charset, 2), charset, [other])
