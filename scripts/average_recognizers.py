"""Average the recognizer that was trained last with those before it: python scripts/average_recognizers.py START...

START is the start.pt of another training, such as models/released/start.pt or that of an earlier release. Run it in the
project's folder after train_recognizer; models/recognizer is replaced, in floating point and with new confidences.
Then `python src/models/quantize.py`.
"""

import logging
import sys
from pathlib import Path

from src.models.average import average_recognizer
from src.params import load_params
from src.paths import Paths
from src.stage import run


def main() -> None:
    """Average."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    paths = Paths()
    logging.getLogger(__name__).info(
        "%s", average_recognizer(paths, load_params(paths.params), [Path(name) for name in sys.argv[1:]])
    )


if __name__ == "__main__":
    run(main)
