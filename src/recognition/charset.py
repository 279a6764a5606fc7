"""The characters a recognizer can write, and their codes: 0 is the CTC blank, character i has code i + 1."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from src.errors import CharsetError

BLANK = 0


@dataclass(frozen=True)
class Charset:
    """An ordered set of characters.

    Args:
        characters: One-character strings, all different.

    Raises:
        CharsetError: It is empty, an item is not one character, or an item is there twice.
    """

    characters: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.characters:
            raise CharsetError("the charset is empty")
        for character in self.characters:
            if len(character) != 1:
                raise CharsetError(f"{character!r} is not one character")
        if len(set(self.characters)) != len(self.characters):
            raise CharsetError("the charset holds a character twice")

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Charset":
        """The charset of all characters in `texts`, in code-point order."""
        return cls(tuple(sorted(set().union(*map(set, texts)))))

    @classmethod
    def from_json(cls, text: str) -> "Charset":
        """Read what `to_json` wrote.

        Raises:
            CharsetError: The text is not such a JSON object.
        """
        try:
            characters = json.loads(text)["characters"]
        except (ValueError, KeyError, TypeError) as error:
            raise CharsetError('a charset is a JSON object {"characters": [...]}; write it with encode_data') from error
        if not isinstance(characters, list) or not all(isinstance(character, str) for character in characters):
            raise CharsetError('"characters" must be a list of one-character strings')
        return cls(tuple(characters))

    def to_json(self) -> str:
        """The charset as a JSON object."""
        return json.dumps({"characters": list(self.characters)}, ensure_ascii=False, indent=1)

    @property
    def size(self) -> int:
        """Number of classes, the blank included."""
        return len(self.characters) + 1

    @cached_property
    def _code_of(self) -> dict[str, int]:
        return {character: code for code, character in enumerate(self.characters, start=1)}

    def unknown(self, text: str) -> set[str]:
        """The characters of `text` that the charset lacks."""
        return set(text) - self._code_of.keys()

    def encode(self, text: str) -> list[int]:
        """Codes of a text, one a character.

        Raises:
            CharsetError: The text holds a character that the charset lacks.
        """
        try:
            return [self._code_of[character] for character in text]
        except KeyError as error:
            raise CharsetError(f"{error.args[0]!r} in {text!r} is not in the charset") from error

    def decode(self, codes: Iterable[int]) -> str:
        """Text of codes; none of them may be the blank.

        Raises:
            CharsetError: A code is the blank or has no character.
        """
        try:
            return "".join(self.characters[self._index(code)] for code in codes)
        except IndexError as error:
            raise CharsetError(f"a code is not in 1..{len(self.characters)}") from error

    @staticmethod
    def _index(code: int) -> int:
        # A negative index would silently count from the end.
        if code <= BLANK:
            raise IndexError(code)
        return int(code) - 1
