"""Write the sample archive where data/raw holds none: `python scripts/provide_data.py`."""

import runpy

from src.data.extract_raw_data import find_archives
from src.paths import Paths


def main() -> None:
    """Leave a person's archives alone; without any, draw the sample."""
    paths = Paths()
    if find_archives(paths.raw):
        return
    print(f"{paths.raw.relative_to(paths.root)} holds no archive: the sample is drawn")
    runpy.run_module("src.data.synthesis.sample_archive", run_name="__main__")


if __name__ == "__main__":
    main()
