"""Average the recognizer that was trained last with those before it.

    python scripts/average_recognizers.py [--own-share 0.5] START...

START is the start.pt of another training, such as models/released/start.pt or that of an earlier release. Run it in the
project's folder after train_recognizer; models/recognizer is replaced, in floating point and with new confidences.
Then `python src/models/quantize.py`.
"""

from pathlib import Path
from typing import Annotated

import typer

from src.models.average import OWN_SHARES, average_recognizer
from src.params import load_params
from src.paths import Paths
from src.stage import run


def main(
    starts: Annotated[list[Path], typer.Argument(metavar="START...", help="Weights of other trainings.")],
    own_share: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Of the last training; else what reads validation best.")
    ] = None,
) -> None:
    """Average."""
    paths = Paths()
    shares = OWN_SHARES if own_share is None else (own_share,)
    run(lambda: _average(paths, starts, shares))


def _average(paths: Paths, starts: list[Path], shares: tuple[float, ...]) -> None:
    average_recognizer(paths, load_params(paths.params), starts, shares)


if __name__ == "__main__":
    typer.run(main)
