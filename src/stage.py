"""Running a stage from the command line: log lines to stderr, a person's errors as one line."""

import logging
import sys
from collections.abc import Callable

from src.errors import LonghandError


def set_up_logging(level: int = logging.INFO) -> None:
    """Send log lines of the whole program to stderr.

    Args:
        level: The least level shown.
    """
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    # The service asks the registry every two seconds: a line each would bury all others.
    logging.getLogger("httpx").setLevel(max(level, logging.WARNING))


def run(main: Callable[[], None]) -> None:
    """Run a stage's `main`; exit with 1 and one line on stderr when a person can mend what went wrong.

    Args:
        main: The stage, without arguments.

    Raises:
        SystemExit: `main` raised a LonghandError; the exit code is 1.
    """
    set_up_logging()
    try:
        main()
    except LonghandError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from error
