"""Write Grafana's dashboards: `python monitoring/grafana/generate.py` (needs the development install)."""

import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from pages import PAGES
from panels import build


def main(folder: Path) -> None:
    """Write a file a dashboard."""
    folder.mkdir(parents=True, exist_ok=True)
    for page in PAGES:
        text = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(build(page))
        (folder / f"{page.name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("dashboards"))
