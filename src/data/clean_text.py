"""Transcriptions made regular: what looks alike on paper is written alike."""

import re
import unicodedata

_QUOTES = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "ʼ": "'", "`": "'", "´": "'",
    "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"',
    "…": "...", "\u00ad": "", "\u200b": "", "\ufeff": "",
})  # fmt: skip
_SPACE = re.compile(r"\s+")
_BEFORE = re.compile(r" +(?=[,.;:!?)\]}»%])")
_AFTER = re.compile(r"(?<=[(\[{«]) +")
# IAM's lines part English endings from their word: John|'s, do|n't.
_ENDING = re.compile(r"(?<=\w) +(?=(?:'(?:s|ll|re|ve|d|m)|n't)(?:\W|$))", re.IGNORECASE)
_QUOTED = re.compile(r'" *([^"]*?) *"')
_STRUCK_OUT = re.compile(r">[^<>]*<|<>")


def clean_text(transcription: str, level: str) -> str:
    """Make a transcription regular.

    Unicode NFC; IAM's `|` between the words of a line -> space; typographic apostrophes and quotes -> ' and ";
    … -> ...; no space before , . ; : ! ? ) ] } » %, none after ( [ { «, none inside a pair of "; spaces collapsed.
    French writes a space before : ; ! ? but people's hands and transcribers do not agree on it: it is left out.

    Args:
        transcription: The text of the ground truth.
        level: "word" or "line".

    Returns:
        The text; it may be empty.
    """
    text = unicodedata.normalize("NFC", transcription).translate(_QUOTES)
    if level == "line":
        text = text.replace("|", " ")
    text = _SPACE.sub(" ", text).strip()
    if level == "word" and " " not in text:
        return text
    text = _AFTER.sub("", _BEFORE.sub("", text))
    return _QUOTED.sub(r'"\1"', _ENDING.sub("", text))


def is_struck_out(transcription: str) -> bool:
    """Tell whether a text holds struck-out writing (`>x<`, `><`; in IAM, a word `#`)."""
    return _STRUCK_OUT.search(transcription) is not None or "#" in re.split(r"[ |]", transcription)
