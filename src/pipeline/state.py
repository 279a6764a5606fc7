"""What the scheduled pipeline remembers from run to run, and what counts as new."""

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from src.data.extract_raw_data import find_archives
from src.errors import MissingArtefactError
from src.files import write_whole
from src.params import load_params
from src.paths import Paths
from src.registry.published import sha256_of

Outcome = Literal["trained", "refused", "nothing_new", "failed"]

MOST_TRIES = 3
# Sections of params.yaml that change no trained model.
_ELSEWHERE = {"gate", "sample", "teach"}


class State(BaseModel):
    """The content of state.json.

    Attributes:
        corrections: Hash of the corrections that came in last; None: none.
        learnt: Fingerprint of the material of the last training that went to its end; None: there was none.
        in_work: Fingerprint of a training that has begun.
        done: Its stages that have ended: a run that was killed is taken up after them.
        tries: How many runs have trained on it; none of them went to its end.
        outcome: Of the last run.
        failed_step: The step at which the last run failed; None: it did not.
        seconds: How long each step of the last run took.
        started: When the last run began, Unix time.
        succeeded: When a run last went to its end, Unix time.
    """

    model_config = ConfigDict(extra="ignore")

    corrections: str | None = None
    learnt: str | None = None
    in_work: str | None = None
    done: list[str] = []
    tries: int = 0
    outcome: Outcome | None = None
    failed_step: str | None = None
    seconds: dict[str, float] = {}
    started: float | None = None
    succeeded: float | None = None

    def begin(self, material: str) -> None:
        """Note what is to be learnt; of another material than that in work, nothing is done yet."""
        if self.in_work != material:
            self.in_work, self.done, self.tries = material, [], 0

    def waits_for(self, material: str) -> bool:
        """Whether a training on this material was begun and should end before newer material comes in."""
        return self.in_work == material and 0 < self.tries < MOST_TRIES


def read_state(paths: Paths) -> State:
    """Read state.json; without one, nothing was done yet.

    Raises:
        MissingArtefactError: The file is damaged.
    """
    file = _file(paths)
    if not file.exists():
        return State()
    try:
        return State.model_validate_json(file.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise MissingArtefactError(f"{file}: damaged; remove it, and the next run trains anew: {error}") from error


def write_state(paths: Paths, state: State) -> None:
    """Write state.json, whole or not at all."""
    with write_whole(_file(paths)) as temporary:
        temporary.write_text(state.model_dump_json(indent=1) + "\n", encoding="utf-8")


def fingerprint(paths: Paths) -> str:
    """Hash what a training would learn from: the archives' content and its settings; 16 hexadecimal digits.

    Raises:
        ParamsError: params.yaml is missing or wrong.
        ArchiveError: Two archives have one name.
    """
    # What the file says, and not how: a comment is no news, nor is a default of a newer version.
    settings = load_params(paths.params).model_dump(mode="json", exclude_unset=True, exclude=_ELSEWHERE)
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for stem, archive in sorted(find_archives(paths.raw).items()):
        digest.update(f"\n{stem} {sha256_of(archive)}".encode())
    return digest.hexdigest()[:16]


def _file(paths: Paths) -> Path:
    return paths.pipeline / "state.json"
