"""Regular expressions that people write in settings."""

import re
from collections.abc import Sequence

from src.errors import ParamsError


def compile_pattern(pattern: str, where: str, *, group: bool = False) -> re.Pattern[str]:
    """Compile an expression, ignoring case.

    Args:
        pattern: The expression.
        where: The setting, for the error's text.
        group: Whether it must have a group.

    Returns:
        The compiled expression.

    Raises:
        ParamsError: It is malformed, or lacks its group.
    """
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ParamsError(f"{where}: {pattern!r} is no regular expression: {error}") from error
    if group and compiled.groups < 1:
        raise ParamsError(f"{where}: {pattern!r} has no group; put the part that is the writer in parentheses")
    return compiled


def compile_patterns(patterns: Sequence[str], where: str) -> list[re.Pattern[str]]:
    """Compile several expressions, as compile_pattern does."""
    return [compile_pattern(pattern, where) for pattern in patterns]


def matching(text: str, patterns: Sequence[re.Pattern[str]]) -> str | None:
    """Give the first expression that matches a text whole (white space around it aside), or None."""
    stripped = text.strip()
    return next((pattern.pattern for pattern in patterns if pattern.fullmatch(stripped)), None)
