"""What a training starts from."""

import logging

import pytest
import torch

from src.errors import ModelFileError
from src.models.network import RecognizerNetwork
from src.models.start import Origin, save_start, start_from
from src.recognition import Charset

OLD = Charset(tuple("abcd"))
UNKNOWN = Origin(["b/1"], ["0000000000000001"])


def make(charset: Charset, seed: int, units: int = 16) -> RecognizerNetwork:
    torch.manual_seed(seed)
    return RecognizerNetwork(charset.size, 48, (32, 32, 32, 32), (1, 1, 1), "lstm", 1, units)


@pytest.fixture
def saved(tmp_path):
    network = make(OLD, seed=1).eval()
    learnt = Origin(["a/1", "a/2"], ["00000000000000ff", "ffffffffffffffff"])
    save_start(network.state_dict(), OLD, learnt, tmp_path / "start.pt")
    return network, tmp_path / "start.pt"


def test_the_same_charset_reads_the_same(saved):
    network, path = saved
    other = make(OLD, seed=2).eval()
    images = torch.randint(0, 256, (2, 48, 64), dtype=torch.uint8)
    assert start_from(other, OLD, UNKNOWN, path)
    torch.testing.assert_close(other(images), network(images), atol=0.02, rtol=0.02)


def test_known_characters_keep_their_scores_in_another_charset(saved):
    network, path = saved
    charset = Charset(("x", "d", "a"))
    other = make(charset, seed=2).eval()
    assert start_from(other, charset, UNKNOWN, path)
    images = torch.randint(0, 256, (2, 48, 64), dtype=torch.uint8)
    before, after = network(images), other(images)
    # Log odds against the blank do not depend on which other characters there are.
    for old, new in ((4, 2), (1, 3)):
        expected = before[..., old] - before[..., 0]
        torch.testing.assert_close(after[..., new] - after[..., 0], expected, atol=0.02, rtol=0.02)


@pytest.mark.parametrize(
    ("held_out", "named"),
    [
        (Origin(["b/1", "a/2"], ["0000000000000001"]), "a/2"),
        (Origin(["b/1"], ["0000000000000001", "ffffffffffffffff"]), "1 of the images"),
    ],
)
def test_writers_and_images_to_measure_on_must_not_have_been_learnt(saved, caplog, held_out, named):
    other = make(OLD, seed=2)
    before = {name: value.clone() for name, value in other.state_dict().items()}
    with caplog.at_level(logging.WARNING):
        assert not start_from(other, OLD, held_out, saved[1])
    assert named in caplog.text
    assert all(torch.equal(before[name], value) for name, value in other.state_dict().items())


def test_another_network_starts_from_chance(saved, caplog):
    with caplog.at_level(logging.WARNING):
        assert not start_from(make(OLD, seed=2, units=24), OLD, UNKNOWN, saved[1])
    assert "another network" in caplog.text


def test_a_torn_file_is_an_error_that_names_it(saved):
    saved[1].write_bytes(saved[1].read_bytes()[:1000])
    with pytest.raises(ModelFileError, match=r"start\.pt"):
        start_from(make(OLD, seed=2), OLD, UNKNOWN, saved[1])


def test_what_an_earlier_training_learnt_is_kept_in_mind(saved, tmp_path):
    network, path = saved
    save_start(network.state_dict(), OLD, UNKNOWN, path, earlier=path)
    for held_out in (Origin(["a/1"], []), Origin([], ["00000000000000ff"]), Origin([], UNKNOWN.digests)):
        assert not start_from(make(OLD, seed=2), OLD, held_out, path)
    assert start_from(make(OLD, seed=2), OLD, Origin(["c/1"], ["0000000000000002"]), path)


def test_weights_under_their_earlier_names_are_known(saved, tmp_path):
    network, path = saved
    content = torch.load(path, weights_only=True)
    new = ("stem.", "stages.0.0.", "stages.0.1.", "stages.1.0.", "stages.1.1.", "stages.2.0.", "stages.2.1.")
    for number, name in enumerate((*new, "squeeze.0.", "squeeze.1.")):
        content["weights"] = {
            key.replace(f"encoder.{name}", f"encoder.layers.{number}."): value
            for key, value in content["weights"].items()
        }
    assert not any("stages" in key for key in content["weights"])
    torch.save(content, tmp_path / "old.pt")
    other = make(OLD, seed=2).eval()
    assert start_from(other, OLD, UNKNOWN, tmp_path / "old.pt")
    images = torch.randint(0, 256, (2, 48, 64), dtype=torch.uint8)
    torch.testing.assert_close(other(images), network(images), atol=0.02, rtol=0.02)


def deeper(blocks: tuple[int, int, int]) -> RecognizerNetwork:
    torch.manual_seed(3)
    return RecognizerNetwork(OLD.size, 48, (32, 32, 32, 32), blocks, "lstm", 1, 16).eval()


def test_a_deeper_network_begins_by_reading_as_the_one_that_it_starts_from(saved):
    network, path = saved
    grown = deeper((1, 2, 3))
    assert start_from(grown, OLD, UNKNOWN, path)
    images = torch.randint(0, 256, (2, 48, 64), dtype=torch.uint8)
    torch.testing.assert_close(grown(images), network(images), atol=0.02, rtol=0.02)
    # The new blocks can learn: their last norm, which holds them back, has a gradient.
    grown(images)[..., 1].sum().backward()
    assert grown.encoder.stages[2][3].second[1].weight.grad.abs().max() > 0


def test_a_shallower_network_does_not_lose_blocks_silently(saved, tmp_path, caplog):
    save_start(deeper((1, 2, 1)).state_dict(), OLD, Origin(["a/1"], ["00000000000000ff"]), tmp_path / "deep.pt")
    with caplog.at_level(logging.WARNING):
        assert not start_from(make(OLD, seed=2), OLD, UNKNOWN, tmp_path / "deep.pt")
    assert "another network" in caplog.text
