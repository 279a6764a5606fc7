"""The commands of README.md, as a reader would copy them."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def commands(language: str = "sh", section: str = "") -> list[str]:
    """Commands of the fenced blocks of a language, below a heading or in the whole file; comments are left out."""
    text = README.read_text(encoding="utf-8")
    if section:
        found = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        assert found, f"README.md has no section {section!r}"
        text = found[1]
    blocks = re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)
    lines = [re.sub(r"\s+# .*", "", line).strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
