"""The challenger before the gate: read the test samples with both models, decide, report, promote.

`python src/registry/judge.py` ends `make pipeline`; without a challenger it does nothing.
"""

import json
import logging
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.data.samples import PackedSamples
from src.files import write_whole_folder
from src.models.agreement import disagreement
from src.models.metrics import overall
from src.models.readings import part_samples, read_samples
from src.models.start import origin_of, read_start
from src.params import Params, load_params
from src.paths import Paths, start_beside
from src.recognition import Recognizer, read_info
from src.registry import gate
from src.registry.client import CHALLENGER, CHAMPION, RECOGNIZER, answering, client
from src.registry.gate import Check, Difference
from src.registry.log_runs import log_model
from src.registry.promotion import promote, publish
from src.registry.test_set import check_test_set, fingerprints, freeze, identity, read_frozen
from src.registry.verdict_page import write_page
from src.registry.versions import Version, alias, fetch
from src.stage import run

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

logger = logging.getLogger(__name__)

_JUDGED = "judged"  # the tag of a version: against which champion, on which samples, with what result
_TIMED, _COMPARED = 200, 400  # images


@dataclass(frozen=True)
class Verdict:
    """What the gate said.

    Attributes:
        champion: The version in service when it was asked.
        challenger: The version that would replace it.
        passed: Whether all checks hold.
        reason: Why, in a sentence.
        test_set: Which samples both read.
        checks: What was looked at.
        difference: Of the character error rates.
        slices: Both models on parts of the samples.
        lost: Characters that the champion can read and the challenger cannot.
    """

    champion: str
    challenger: str
    passed: bool
    reason: str
    test_set: str
    checks: Sequence[Check]
    difference: Difference
    slices: pd.DataFrame
    lost: str


def judge(paths: Paths, params: Params, *, promoting: bool = True, new_test_set: bool = False) -> Verdict | None:
    """Ask whether the challenger may replace the champion; if so, promote it.

    Without a champion the released model is: the first that is promoted, or only compared with.

    Args:
        paths: The project; the report goes to `paths.gate` and, when promoting, to the challenger's run.
        params: The gate's conditions.
        promoting: Whether a challenger that passes is promoted; if not, the registry stays as it is.
        new_test_set: Whether test samples may be gone or altered since the last promotion.

    Returns:
        The verdict; None if there is no challenger, or it was refused before against this champion on these samples.

    Raises:
        RegistryError: The registry is away.
        MissingArtefactError: A data stage has not run.
        ModelFileError: A model cannot be loaded.
    """
    with answering(paths):
        store = client(paths)
        challenger = alias(store, CHALLENGER)
        champion = alias(store, CHAMPION)
        if promoting:
            champion = champion or _first_champion(store, paths)
            publish(paths, store)
        in_service = champion.version if champion else read_info(paths.released_model).version
        if challenger is None or (champion and challenger.number == champion.number):
            logger.info("%s is in service, and nothing challenges it", in_service)
            return None
        table = part_samples(paths, "test")
        samples = fingerprints(paths, table)
        known = json.loads(challenger.tags.get(_JUDGED, "{}"))
        asked = {"champion": in_service, "test_set": identity(samples)}
        if promoting and not new_test_set and asked.items() <= known.items():
            logger.info("%s was judged before: %s", challenger.version, known["reason"])
            return None
        with tempfile.TemporaryDirectory(prefix="longhand-gate-") as scratch:
            first = fetch(store, champion, Path(scratch) / champion.number) if champion else paths.released_model
            second = fetch(store, challenger, Path(scratch) / challenger.number)
            frozen = None if new_test_set else read_frozen(paths.registry / "test_set.csv")
            about = check_test_set(frozen, samples, params.split.growing)
            verdict = compare(first, second, paths, params, table, [about], asked["test_set"])
        if promoting:
            store.log_artifacts(challenger.run, str(paths.gate), "gate")
            if verdict.passed:
                freeze(paths.registry / "test_set.csv", samples)
                promote(paths, challenger.version, verdict.reason)
            # Last: a promotion that was interrupted is judged again.
            told = asked | {"passed": verdict.passed, "reason": verdict.reason}
            store.set_model_version_tag(RECOGNIZER, challenger.number, _JUDGED, json.dumps(told))
    logger.info("%s; report: %s", verdict.reason, paths.gate / "verdict.html")
    return verdict


def compare(
    champion: Path,
    challenger: Path,
    paths: Paths,
    params: Params,
    table: pd.DataFrame,
    before: Sequence[Check] = (),
    test_set: str = "",
) -> Verdict:
    """Read samples with two model files, look at all conditions, and write the report.

    Args:
        champion: The file of the model in service.
        challenger: The file of the other; the weights that it was exported from lie beside both.
        paths: The project; the report goes to `paths.gate`.
        params: The gate's conditions.
        table: The samples, from `part_samples`.
        before: What was found before the models were read with.
        test_set: Which samples these are.

    Returns:
        The verdict.
    """
    packed, conditions = PackedSamples(paths.samples), params.gate
    recognizers = [Recognizer.load(file) for file in (champion, challenger)]
    first, second = (read_samples(recognizer, packed, table) for recognizer in recognizers)
    difference = gate.paired_difference(first, second, conditions)
    found = gate.slices(first, second)
    images = _some_images(packed, conditions.seed)
    times = _milliseconds([champion, challenger], images[:_TIMED])
    checks = [
        gate.check_difference(difference, overall(first)["cer"], overall(second)["cer"], conditions),
        gate.check_slices(found, conditions),
        gate.check_calibration(first, second, conditions),
        gate.check_latency(times[0], times[1], conditions),
        gate.check_export(disagreement(challenger, images), conditions),
        _check_unseen(challenger, paths),
        *before,
    ]
    verdict = Verdict(
        champion=recognizers[0].info.version,
        challenger=recognizers[1].info.version,
        passed=all(check.passed for check in checks),
        reason=gate.reason(checks),
        test_set=test_set,
        checks=checks,
        difference=difference,
        slices=found,
        lost="".join(sorted(set(recognizers[0].info.charset) - set(recognizers[1].info.charset))),
    )
    with write_whole_folder(paths.gate) as folder:
        write_page(verdict, first, second, packed, folder)
        found.to_csv(folder / "slices.csv", index=False)
        first[["sample_id", "text", "reading"]].rename(columns={"reading": "champion"}).assign(
            challenger=second["reading"]
        ).to_csv(folder / "readings.csv", index=False)
        short = {
            "champion": verdict.champion, "challenger": verdict.challenger, "passed": verdict.passed,
            "reason": verdict.reason, "test_set": test_set, "lost": verdict.lost,
            "checks": [vars(check) for check in checks],
            "difference": {"mean": difference.mean, "low": difference.low, "high": difference.high},
        }  # fmt: skip
        (folder / "verdict.json").write_text(json.dumps(short, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return verdict


def _first_champion(store: "MlflowClient", paths: Paths) -> Version:
    """The released model: what is in service until something better is trained, and what that must beat."""
    number = log_model(store, RECOGNIZER, paths.released_model, paths, {})[1]
    return promote(paths, number, "the released model is the first")


def _check_unseen(model: Path, paths: Paths) -> Check:
    """A model that has learnt from the test samples would win by memory."""
    writers, images = read_start(start_beside(model)).has_learnt(origin_of(paths, ("test",)))
    text = f"the challenger has learnt from {len(writers)} of the test writers and {images} of the test images"
    return Check("unseen samples", not writers and not images, text)


def _some_images(packed: PackedSamples, seed: int) -> list[NDArray[np.uint8]]:
    """Images of all parts: where only time, or two forms of one model, are compared, none needs to be unseen."""
    count = min(len(packed), _COMPARED)
    return [packed[row] for row in np.random.default_rng(seed).choice(len(packed), count, replace=False).tolist()]


def _milliseconds(files: Sequence[Path], images: Sequence[NDArray[np.uint8]]) -> list[float]:
    """Median time of one image with each model, one thread; taken in turns, so that a busy machine slows both."""
    recognizers = [Recognizer.load(file, threads=1) for file in files]
    times: list[list[float]] = [[] for _ in files]
    for warm in (True, False):
        for image in images:
            for number, recognizer in enumerate(recognizers):
                began = time.perf_counter()
                recognizer.interpret(recognizer.log_probs([image])[0])
                if not warm:
                    times[number].append(1000 * (time.perf_counter() - began))
    return [float(np.median(each)) for each in times]


def main() -> None:
    """Judge the project's challenger."""
    paths = Paths()
    judge(paths, load_params(paths.params))


if __name__ == "__main__":
    run(main)
