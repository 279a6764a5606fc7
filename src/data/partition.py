"""Which writer belongs to which part: no writer is ever cut, and each collection is shared out by itself."""

import hashlib
import logging
from collections.abc import Mapping, Set
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.errors import GroundTruthError
from src.params import SplitParams

logger = logging.getLogger(__name__)

PARTS = ("train", "validation", "test")


def assign_parts(frame: pd.DataFrame, params: SplitParams) -> pd.Series:
    """Give every sample its part, by its writer.

    Each collection is shared out by itself, in an order drawn from the seed and the writers' names: a new collection
    moves no writer of another. Within it every writer goes where words, lines and frequent words lack most. Collections
    of `train_only` go to the training part whole. In collections of `growing` the seed and the writer's name alone
    decide, so that whoever comes later moves nobody: what a model has learnt from is never measured on afterwards.

    Args:
        frame: One row a sample with sample_id, writer, form, source, level, frequent and text.
        params: Shares, seed, and optionally a folder of published lists.

    Returns:
        str, one a row: "train", "validation" or "test".

    Raises:
        GroundTruthError: There are fewer writers than parts, a part is empty and nobody may move there, a list puts a
            writer into two parts, or the folder of lists is missing or holds nothing of these samples.
    """
    shares = {part: share for part in PARTS if (share := getattr(params, part)) > 0}
    fixed = read_partition(params.partition, frame) if params.partition is not None else {}
    counts = _counts(frame)
    parts: dict[str, str] = dict(fixed)
    movable: set[str] = set()
    for source, writers in counts.groupby(frame.groupby("writer")["source"].first(), sort=True):
        if source in params.train_only:
            parts |= dict.fromkeys(writers.index, "train")
        elif source in params.growing:
            drawn = {writer: _part_by_hash(shares, params.seed, writer) for writer in writers.index}
            parts |= drawn | {writer: fixed[writer] for writer in drawn.keys() & fixed.keys()}
        else:
            parts |= _share_out(writers, shares, params.seed, fixed)
            movable |= set(writers.index)
    if not fixed:
        _fill_empty_parts(parts, counts, shares, movable)
        _bring_classes_to_train(parts, frame, counts, movable)
    return frame["writer"].map(parts).astype("str")


def _counts(frame: pd.DataFrame) -> pd.DataFrame:
    """What each writer brings: int64 columns word, line, frequent; one row a writer."""
    columns = {"word": frame["level"] == "word", "line": frame["level"] == "line", "frequent": frame["frequent"]}
    return pd.DataFrame(columns).astype("int64").groupby(frame["writer"]).sum()


def _share_out(
    counts: pd.DataFrame, shares: Mapping[str, float], seed: int, fixed: Mapping[str, str]
) -> dict[str, str]:
    """Share out the writers of one collection."""
    totals = counts.to_numpy(dtype=np.float64).sum(axis=0)
    weights = 1.0 / np.maximum(totals, 1.0) ** 2
    missing: dict[str, NDArray[np.float64]] = {part: share * totals for part, share in shares.items()}
    parts: dict[str, str] = {}
    rows = dict(zip(counts.index, counts.to_numpy(dtype=np.float64), strict=True))
    for writer in sorted(rows, key=lambda name: (name not in fixed, _draw(seed, name))):
        brings = rows[writer]
        part = fixed.get(writer) or max(missing, key=lambda name: float((weights * brings * missing[name]).sum()))
        parts[writer] = part
        if part in missing:
            missing[part] = missing[part] - brings
    return parts


def _draw(seed: int, writer: str) -> bytes:
    """A writer's place in the order: a hash, so that it does not depend on who else is there."""
    return hashlib.blake2b(f"{seed} {writer}".encode(), digest_size=8).digest()


def _part_by_hash(shares: Mapping[str, float], seed: int, writer: str) -> str:
    """A writer's part that depends on nobody else: where the hash, as a number from 0 to 1, falls in the shares."""
    place = int.from_bytes(_draw(seed, writer), "big") / 2**64
    end = 0.0
    for part, share in shares.items():
        end += share
        if place < end:
            return part
    return list(shares)[-1]  # the shares' sum may fall short of 1 by a rounding error


def _fill_empty_parts(
    parts: dict[str, str], counts: pd.DataFrame, shares: Mapping[str, float], movable: Set[str]
) -> None:
    """Give a part that got nobody the smallest writer of a part that has several."""
    if len(parts) < len(shares):
        raise GroundTruthError(
            f"{len(parts)} writers cannot fill {len(shares)} parts: bring samples of more writers, or set the share of "
            "a part to 0 in params.yaml (split)"
        )
    sizes = counts[["word", "line"]].sum(axis=1)
    for part in shares:
        if part in parts.values():
            continue
        giver = max(shares, key=lambda name: sum(given == name for given in parts.values()))
        writers = [name for name, given in parts.items() if given == giver and name in movable]
        if not writers:
            raise GroundTruthError(
                f"the {part} part is empty, and no writer may move there (split.growing): bring samples of other "
                "collections, or of more writers"
            )
        parts[min(writers, key=lambda name: (sizes[name], name))] = part


def _bring_classes_to_train(
    parts: dict[str, str], frame: pd.DataFrame, counts: pd.DataFrame, movable: Set[str]
) -> None:
    """Move the smallest writer of each word that no training writer wrote, unless that empties a part."""
    words = frame[frame["frequent"]]
    if "train" not in parts.values() or words.empty:
        return
    sizes = counts[["word", "line"]].sum(axis=1)
    for text, rows in words.groupby("text"):
        writers = sorted(set(rows["writer"]), key=lambda name: (sizes[name], name))
        if any(parts[name] == "train" for name in writers):
            continue
        free = [name for name in writers if name in movable and list(parts.values()).count(parts[name]) > 1]
        if free:
            parts[free[0]] = "train"
        else:
            logger.warning("the frequent word %r has no training writer", text)


def read_partition(folder: Path, frame: pd.DataFrame) -> dict[str, str]:
    """Read published lists and find the part of each writer that they name.

    Args:
        folder: Holds train*.txt, val*.txt and test*.txt (IAM: trainset.txt, validationset1.txt, ...): one id a line, of
            a writer, a form, a line or a sample, with or without its collection.
        frame: One row a sample with sample_id, writer and form.

    Returns:
        Writer -> part, for the writers that the lists name.

    Raises:
        GroundTruthError: There are no lists, they name none of the samples, or they put a writer into two parts.
    """
    listed: dict[str, str] = {}
    for part, pattern in zip(PARTS, ("train*.txt", "val*.txt", "test*.txt"), strict=True):
        for path in sorted(folder.glob(pattern)):
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.strip() and not line.startswith("#"):
                    listed.setdefault(line.strip(), part)
    if not listed:
        raise GroundTruthError(f"{folder}: no ids in train*.txt, val*.txt, test*.txt; see split.partition")
    parts: dict[str, str] = {}
    for sample, writer, form in zip(frame["sample_id"], frame["writer"], frame["form"], strict=True):
        named = next((listed[key] for key in _keys(sample, writer, form) if key in listed), None)
        if named and parts.setdefault(writer, named) != named:
            raise GroundTruthError(f"{folder}: writer {writer} is in {parts[writer]} and, by {sample}, in {named}")
    if not parts:
        raise GroundTruthError(f"{folder}: names none of the {len(frame)} samples; see split.partition")
    return parts


def _keys(sample: str, writer: str, form: str) -> list[str]:
    """All ids that may name a sample, the narrowest first."""
    keys: list[str] = []
    for identity in (sample, form, writer):
        name = identity.partition("/")[2]
        keys += [identity, name]
        if identity is sample:  # a word of IAM, a01-000u-00-03, lies on line a01-000u-00
            pieces = name.split("-")
            keys += ["-".join(pieces[:count]) for count in range(len(pieces) - 1, 1, -1)]
    return keys
