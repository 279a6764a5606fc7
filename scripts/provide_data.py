"""Write the sample archive where data/raw holds none: `python scripts/provide_data.py`."""

from src.data.extract_raw_data import find_archives
from src.data.synthesis import sample_archive
from src.paths import Paths
from src.stage import run


def main() -> None:
    """Leave a person's archives alone; without any, draw the sample."""
    paths = Paths()
    if not find_archives(paths.raw):
        print(f"{paths.raw.relative_to(paths.root)} holds no archive: the sample is drawn")
        sample_archive.main()


if __name__ == "__main__":
    run(main)
