import itertools
from dataclasses import replace

import numpy as np
import pytest

from src.data.samples import PackedSamples
from src.errors import GroundTruthError, MissingArtefactError
from src.models.batches import BucketSampler, Draw, Joining
from src.models.dataset import RecognizerDataset, collate, load_part, training_batches
from src.params import Params, RecognizerParams
from src.recognition.charset import Charset
from tests.test_models.drawn_samples import write_drawn_samples

WIDTHS = np.random.default_rng(1).integers(20, 900, 500)


def test_every_sample_comes_once_an_epoch():
    batches = list(BucketSampler(WIDTHS, columns=4096, epochs=1))
    assert sorted(draw.index for batch in batches for draw in batch) == list(range(500))


def test_a_batch_costs_at_most_its_columns():
    for batch in BucketSampler(WIDTHS, columns=4096, epochs=3):
        widths = [WIDTHS[draw.index] * draw.stretch for draw in batch]
        assert max(widths) * len(widths) <= 4096


def test_little_of_a_batch_is_padding():
    batches = list(BucketSampler(WIDTHS, columns=4096, epochs=1))
    widths = [[WIDTHS[draw.index] * draw.stretch for draw in batch] for batch in batches]
    padded = sum(max(batch) * len(batch) for batch in widths)
    assert sum(map(sum, widths)) / padded > 0.9
    # Kernels are made once a shape.
    shapes = {(len(batch), -(-max(batch) // 32)) for batch in widths}
    assert len(shapes) < 0.6 * len(batches)


@pytest.mark.parametrize("step", [1, 57, 130])
def test_a_resumed_order_is_the_tail_of_the_whole(step):
    whole = list(BucketSampler(WIDTHS, 4096, epochs=3, seed=4))
    assert len(whole) == len(BucketSampler(WIDTHS, 4096, epochs=3, seed=4))
    assert list(BucketSampler(WIDTHS, 4096, epochs=3, seed=4, first_step=step)) == whole[step:]


def test_epochs_differ():
    sampler = BucketSampler(WIDTHS, 4096, epochs=2)
    batches = [sorted(draw.index for draw in batch) for batch in sampler]
    half = sampler.steps_per_epoch
    assert sorted(map(tuple, batches[:half])) != sorted(map(tuple, batches[half:]))


def test_short_first_goes_from_narrow_to_wide_in_the_first_epoch_alone():
    sampler = BucketSampler(WIDTHS, 4096, epochs=2, short_first=True)
    means = [np.mean([WIDTHS[draw.index] for draw in batch]) for batch in sampler]
    first, second = means[: sampler.steps_per_epoch], means[sampler.steps_per_epoch :]
    assert np.corrcoef(first, range(len(first)))[0, 1] > 0.9
    assert abs(np.corrcoef(second, range(len(second)))[0, 1]) < 0.5
    shuffled = [np.mean([WIDTHS[draw.index] for draw in batch]) for batch in BucketSampler(WIDTHS, 4096, epochs=1)]
    assert abs(np.corrcoef(shuffled, range(len(shuffled)))[0, 1]) < 0.5


def test_a_chance_thins_samples_and_draws_others_each_epoch():
    chances = np.where(np.arange(500) < 250, 0.3, 1.0)
    epochs: list[set[int]] = [set(), set()]
    for batch in BucketSampler(WIDTHS, 2048, epochs=2, chances=chances):
        for draw in batch:
            epochs[draw.epoch].add(draw.index)
    thinned = [{index for index in epoch if index < 250} for epoch in epochs]
    assert all(50 < len(epoch) < 100 for epoch in thinned)
    assert thinned[0] != thinned[1]
    assert len(epochs[0]) - len(thinned[0]) == 250


@pytest.mark.parametrize(("levels", "thinned"), [(("word",), False), (("word", "line"), True)])
def test_words_are_thinned_only_where_there_are_lines(tmp_path, levels, thinned):
    paths = write_drawn_samples(tmp_path)
    train = load_part("train", paths.encoded, paths.split, PackedSamples(paths.samples))
    train = replace(train, levels=[levels[i % len(levels)] for i in range(len(train))])
    params = Params(recognizer=RecognizerParams(epochs=1, word_share=0.3))
    batches = training_batches(train, params, Charset(("a",)))
    shown = {draw.index for batch in batches for draw in batch}
    words, lines = ({i for i, level in enumerate(train.levels) if level == kind} for kind in ("word", "line"))
    assert lines <= shown
    assert (len(words & shown) < 0.5 * len(words)) == thinned


def test_samples_that_are_only_learnt_from_are_thinned(tmp_path):
    paths = write_drawn_samples(tmp_path)
    train = load_part("train", paths.encoded, paths.split, PackedSamples(paths.samples))
    train = replace(train, sources=["fonts" if i % 2 else "ours" for i in range(len(train))])
    params = Params(recognizer=RecognizerParams(epochs=1, train_only_share=0.25))
    shown = {draw.index for batch in training_batches(train, params, Charset(("a",))) for draw in batch}
    assert set(range(0, len(train), 2)) <= shown
    assert 0.1 < len(shown & set(range(1, len(train), 2))) / (len(train) / 2) < 0.4


def test_lines_are_put_together_of_one_writers_words():
    writers = np.arange(500) % 11 - 1
    joining = Joining(writers, share=0.5, max_width=1500)
    sampler = BucketSampler(WIDTHS, 4096, epochs=2, seed=4, joining=joining)
    draws = [draw for batch in sampler for draw in batch if draw.epoch == 0]
    joined = [draw for draw in draws if draw.followers]
    assert 0.3 < len(joined) / sum(writers[draw.index] >= 0 for draw in draws) < 0.5
    for draw in joined:
        assert {writers[index] for index in draw.followers} == {writers[draw.index]} != {-1}
        assert sum(WIDTHS[index] for index in (draw.index, *draw.followers)) <= 1500
    resumed = BucketSampler(WIDTHS, 4096, epochs=2, seed=4, first_step=60, joining=joining)
    assert list(resumed) == list(sampler)[60:]


def test_a_joined_line_holds_the_words_and_spaces_between(tmp_path):
    paths = write_drawn_samples(tmp_path)
    samples = PackedSamples(paths.samples)
    train = load_part("train", paths.encoded, paths.split, samples)
    dataset = RecognizerDataset(train, samples, distort=True, seed=1, space=99)
    ink, codes = dataset[Draw(0, 1, 1.0, followers=(1, 2))]
    assert codes.tolist() == [*train.codes[0], 99, *train.codes[1], 99, *train.codes[2]]
    alone = train.widths[:3].sum()
    assert alone + 2 * 4 - 2 <= ink.shape[1] <= alone + 2 * 48 + 40


def test_parts_hold_their_own_writers_and_batches_hold_their_texts(tmp_path):
    paths = write_drawn_samples(tmp_path)
    samples = PackedSamples(paths.samples)
    train, test = (load_part(name, paths.encoded, paths.split, samples) for name in ("train", "test"))
    assert len(train) == 192
    assert not set(train.writers) & set(test.writers)
    dataset = RecognizerDataset(train, samples, distort=True, seed=1)
    batch = collate([dataset[Draw(index, epoch=0, stretch=1.0)] for index in range(3)])
    assert batch.images.shape[2] % 32 == 0
    assert batch.codes.tolist() == list(itertools.chain(*(train.codes[i] for i in range(3))))
    assert (batch.widths <= batch.images.shape[2]).all()
    for image, width in zip(batch.images, batch.widths, strict=True):
        assert not image[:, width:].any()


def test_a_distorted_sample_is_as_wide_as_its_draw_says(tmp_path):
    paths = write_drawn_samples(tmp_path)
    samples = PackedSamples(paths.samples)
    train = load_part("train", paths.encoded, paths.split, samples)
    dataset = RecognizerDataset(train, samples, distort=True, seed=1)
    for stretch in (0.8, 1.3):
        grown = [dataset[Draw(index, 3, stretch)][0].shape[1] - stretch * train.widths[index] for index in range(30)]
        assert min(grown) >= -1
        assert np.mean(grown) < 12, "a slant adds some pixels"


def test_a_missing_list_names_the_stage(tmp_path):
    paths = write_drawn_samples(tmp_path)
    (paths.split / "test.txt").unlink()
    with pytest.raises(MissingArtefactError, match="split_data"):
        load_part("test", paths.encoded, paths.split, PackedSamples(paths.samples))


def test_a_part_without_usable_samples_is_an_error(tmp_path):
    paths = write_drawn_samples(tmp_path)
    (paths.split / "test.txt").write_text("")
    with pytest.raises(GroundTruthError, match="none of its samples"):
        load_part("test", paths.encoded, paths.split, PackedSamples(paths.samples))
