"""Each condition of the gate: what passes, and what does not."""

import numpy as np
import pandas as pd
import pytest

from src.models.metrics import length_bin, score_readings
from src.params import GateParams
from src.registry import gate
from src.registry.gate import Check
from src.registry.test_set import check_test_set, freeze, identity, read_frozen

PARAMS = GateParams(bootstrap_rounds=500, slice_samples=10)


def readings(texts: list[str], read: list[str], writers: list[str], confidence: float = 0.9) -> pd.DataFrame:
    """What `read_samples` returns."""
    table = pd.DataFrame(
        {
            "sample_id": [f"s/{number}" for number in range(len(texts))],
            "text": texts,
            "writer": writers,
            "source": "s",
            "level": "word",
            "reading": read,
            "word_confidences": [[confidence] * len(text.split()) for text in read],
            "length": [length_bin(len(text)) for text in texts],
        }
    )
    return pd.concat([table, score_readings(texts, read)], axis=1)


def two_models(right_before: float, right_now: float, count: int = 400, writers: int = 20) -> list[pd.DataFrame]:
    """The same words read by two models that read some share of them rightly, independently."""
    random = np.random.default_rng(1)
    names = [f"w/{number % writers}" for number in range(count)]
    texts = ["word"] * count
    return [
        readings(texts, ["word" if random.random() < share else "ward" for _ in texts], names)
        for share in (right_before, right_now)
    ]


def test_the_difference_is_that_of_the_error_rates_and_its_interval_holds_it():
    before, now = two_models(0.7, 0.8)
    found = gate.paired_difference(before, now, PARAMS)
    rates = [table["edits"].sum() / table["characters"].sum() for table in (before, now)]
    assert found.mean == pytest.approx(rates[1] - rates[0])
    assert found.low < found.mean < found.high


def test_the_interval_is_as_wide_as_writers_differ():
    """Two writers, one much better and one much worse: nothing can be said, however many samples there are."""
    texts, writers = ["word"] * 400, ["w/1"] * 200 + ["w/2"] * 200
    before = readings(texts, ["word"] * 200 + ["ward"] * 200, writers)
    now = readings(texts, ["ward"] * 200 + ["word"] * 200, writers)
    found = gate.paired_difference(before, now, PARAMS)
    assert found.mean == 0.0
    assert (found.low, found.high) == (-0.25, 0.25)


def test_a_clear_gain_passes_and_noise_or_loss_does_not():
    for shares, passes in (((0.6, 0.9), True), ((0.8, 0.8), False), ((0.9, 0.6), False)):
        before, now = two_models(*shares)
        check = gate.check_difference(gate.paired_difference(before, now, PARAMS), 0.1, 0.1, PARAMS)
        assert check.passed is passes, shares


def test_the_same_readings_are_no_loss():
    before, _ = two_models(0.8, 0.8)
    assert gate.check_difference(gate.paired_difference(before, before, PARAMS), 0.1, 0.1, PARAMS).passed


def test_one_writer_proves_nothing():
    before, now = two_models(0.5, 1.0, writers=1)
    assert not gate.check_difference(gate.paired_difference(before, now, PARAMS), 0.1, 0.0, PARAMS).passed


def test_models_that_read_other_samples_cannot_be_compared():
    before, now = two_models(0.8, 0.8)
    with pytest.raises(ValueError, match="the same samples"):
        gate.paired_difference(before, now.iloc[::-1], PARAMS)


def mixed(now_reads: dict[str, str]) -> pd.DataFrame:
    """Words, numbers and names by two writers; the challenger reads some of them in another way."""
    texts = ["word", "12", "Anna"] * 20
    writers = [f"w/{number % 2}" for number in range(60)]
    before = readings(texts, texts, writers)
    now = readings(texts, [now_reads.get(text, text) for text in texts], writers)
    return gate.slices(before, now)


def test_slices_are_by_writer_length_source_level_digits_and_capitals():
    table = mixed({}).set_index(["kind", "name"])["samples"].to_dict()
    assert table == {
        ("source", "s"): 60, ("level", "word"): 60, ("length", "2"): 20, ("length", "3-4"): 40,
        ("writer", "w/0"): 30, ("writer", "w/1"): 30, ("digits", "with digits"): 20, ("capitals", "with capitals"): 20,
    }  # fmt: skip


def test_a_slice_that_loses_more_than_the_margin_stops_a_promotion():
    check = gate.check_slices(mixed({"12": "17"}), PARAMS)
    assert not check.passed
    assert "'with digits'" in check.text or "length '2'" in check.text
    assert "+50.00 points" in check.text
    assert gate.check_slices(mixed({}), PARAMS).passed


def test_a_slice_of_few_samples_decides_nothing():
    assert gate.check_slices(mixed({"12": "17"}), GateParams(slice_samples=21, slice_margin=0.2)).passed


def test_confidences_that_are_worth_less_stop_a_promotion():
    writers = [f"w/{number % 5}" for number in range(100)]
    honest, modest = (readings(["word"] * 100, ["word"] * 100, writers, confidence=each) for each in (0.98, 0.8))
    assert not gate.check_calibration(honest, modest, PARAMS).passed
    assert gate.check_calibration(honest, honest, PARAMS).passed
    assert gate.check_calibration(modest, modest, PARAMS).passed, "no worse than what is in service"


@pytest.mark.parametrize(("before", "now", "passes"), [(5, 19, True), (5, 21, False), (25, 24, True), (25, 26, False)])
def test_a_slower_model_must_stay_in_its_budget(before, now, passes):
    assert gate.check_latency(before, now, GateParams(milliseconds=20)).passed is passes


def test_a_file_that_is_not_the_network_stops_a_promotion():
    assert gate.check_export(0.02, PARAMS).passed
    assert not gate.check_export(0.021, PARAMS).passed


def test_the_reason_is_one_sentence_that_names_what_failed():
    good, bad = Check("a", True, "1 before, 2 now"), Check("b", False, "worse")
    assert gate.reason([good, good]) == "promoted: 1 before, 2 now; all other checks hold"
    assert gate.reason([good, bad]) == "not promoted: b: worse"


def samples(**fingerprints: str) -> pd.DataFrame:
    rows = [(name, "corrections" if name.startswith("c") else "iam", mark) for name, mark in fingerprints.items()]
    return pd.DataFrame(rows, columns=["sample_id", "source", "fingerprint"])


def test_a_test_set_that_lost_or_altered_a_sample_is_noticed(tmp_path):
    freeze(tmp_path / "test_set.csv", samples(a="1", b="2", c1="3"))
    frozen = read_frozen(tmp_path / "test_set.csv")
    assert frozen is not None
    assert check_test_set(frozen, samples(a="1", b="2", c1="3"), ["corrections"]).passed
    more = check_test_set(frozen, samples(a="1", b="2", c1="3", d="4"), ["corrections"])
    assert more.passed
    assert "1 of them new" in more.text
    for changed in (samples(a="1", c1="3"), samples(a="1", b="9", c1="3")):
        check = check_test_set(frozen, changed, ["corrections"])
        assert not check.passed
        assert "as b" in check.text
        assert "--new-test-set" in check.text


def test_a_correction_may_be_forgotten_or_corrected(tmp_path):
    frozen = samples(a="1", c1="3", c2="4")
    assert check_test_set(frozen, samples(a="1", c1="9"), ["corrections"]).passed
    assert not check_test_set(frozen, samples(a="1", c1="9"), []).passed


def test_the_first_test_set_is_frozen(tmp_path):
    assert read_frozen(tmp_path / "test_set.csv") is None
    assert check_test_set(None, samples(a="1"), []).passed


def test_a_test_set_is_known_by_its_content_in_any_order():
    assert identity(samples(a="1", b="2")) == identity(samples(b="2", a="1"))
    assert identity(samples(a="1", b="2")) != identity(samples(a="1", b="3"))
