"""The test samples that a champion was promoted on, by their content: a test set that changed is noticed.

A sample's fingerprint is a hash of its pixels' hash and its text. It tells nothing of a person who was forgotten.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from src.data.artefacts import read_columns
from src.files import write_whole
from src.paths import Paths
from src.registry.gate import Check

COLUMNS = ["sample_id", "source", "fingerprint"]


def fingerprints(paths: Paths, table: pd.DataFrame) -> pd.DataFrame:
    """Hash the content of samples.

    Args:
        paths: Where their pixels' hashes lie.
        table: Columns sample_id, source, text.

    Returns:
        Columns sample_id, source, fingerprint (16 hexadecimal digits), in the order of `table`.
    """
    known = read_columns(paths.encoded, "encode_data", ["sample_id", "digest"]).set_index("sample_id")["digest"]
    digests = known.loc[table["sample_id"]].tolist()
    found = [
        hashlib.sha256(f"{digest}\n{text}".encode()).hexdigest()[:16]
        for digest, text in zip(digests, table["text"], strict=True)
    ]
    return table[["sample_id", "source"]].assign(fingerprint=found)


def identity(samples: pd.DataFrame) -> str:
    """12 hexadecimal digits for the whole test set."""
    return hashlib.sha256("\n".join(sorted(samples["fingerprint"])).encode()).hexdigest()[:12]


def read_frozen(file: Path) -> pd.DataFrame | None:
    """The samples of the last promotion; None before the first."""
    return pd.read_csv(file, dtype=str) if file.exists() else None


def freeze(file: Path, samples: pd.DataFrame) -> None:
    """Keep the samples of a promotion."""
    with write_whole(file) as temporary:
        samples[COLUMNS].to_csv(temporary, index=False, lineterminator="\n")


def check_test_set(frozen: pd.DataFrame | None, now: pd.DataFrame, growing: Sequence[str]) -> Check:
    """No sample may be gone or altered since the last promotion; new ones may come.

    Args:
        frozen: The samples of the last promotion; None: there was none.
        now: Today's.
        growing: Collections whose samples may change: a correction may be corrected, or forgotten.
    """
    name = "test set"
    if frozen is None:
        return Check(name, True, f"{len(now)} samples, frozen from now on")
    before, after = (dict(zip(table["sample_id"], table["fingerprint"], strict=True)) for table in (frozen, now))
    free = set(frozen.loc[frozen["source"].isin(growing), "sample_id"])
    gone = [sample for sample in before if sample not in after and sample not in free]
    altered = [sample for sample in before.keys() & after.keys() - free if before[sample] != after[sample]]
    fresh = len(after.keys() - before.keys())
    if gone or altered:
        first = (gone or altered)[0]
        return Check(
            name,
            False,
            f"{len(gone)} samples of the last promotion are gone and {len(altered)} are altered, as {first}; "
            "if that is meant, `longhand models judge --new-test-set`",
        )
    return Check(name, True, f"{len(now)} samples, {fresh} of them new since the last promotion")
