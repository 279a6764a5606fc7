"""Log lines: text for people, or JSON for machines."""

import logging
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

from src.stage import set_up_logging


def set_up_service_logging(form: Literal["text", "json"]) -> None:
    """Send log lines of the whole process to stderr, unless it has a place for them already.

    Args:
        form: "text" or "json"; a JSON line holds the time, level, logger, message, and what is known of the request.
    """
    set_up_logging()
    if form == "json":
        formatter = JsonFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )
        for name in (None, "uvicorn", "uvicorn.error"):
            for handler in logging.getLogger(name).handlers:
                handler.setFormatter(formatter)
    # One line a request is enough, and ours has the time that it took.
    logging.getLogger("uvicorn.access").disabled = True
