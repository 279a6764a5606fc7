"""Fetch the open handwriting fonts that npm has (@fontsource; OFL, Apache-2.0): python scripts/fetch_fonts.py FOLDER.

Needs npm (Node.js) and its registry. The fonts are for `longhand synthesize`; they belong in no repository. What is
there already is not fetched again.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

_CATALOGUE = "google-font-metadata"
_CATALOGUE_FILE = "package/data/google-fonts-v2.json"
# Families drawn with ruled lines, dots or arrows for children who learn to write.
_TEACHING = ("guides", "dots", "arrows", "deco")


def fetch_fonts(folder: Path, families: Sequence[str] | None = None) -> int:
    """Fetch the regular Latin file of each family.

    Args:
        folder: Gets <family>.woff2 and, beside it, <family>.LICENSE.
        families: Names as npm has them; None: all handwriting families of the catalogue.

    Returns:
        How many are there now.

    Raises:
        subprocess.CalledProcessError: The catalogue cannot be fetched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        if families is None:
            with tarfile.open(_pack(_CATALOGUE, work)) as archive:
                families = handwriting_families(json.loads(_content(archive, _CATALOGUE_FILE)))
        for family in tqdm(families, desc="fonts", unit="family"):
            if (folder / f"{family}.woff2").exists():
                continue
            try:
                package = _pack(f"@fontsource/{family}", work)
                with tarfile.open(package) as archive:
                    take_font(archive, family, folder)
            except (subprocess.CalledProcessError, KeyError) as error:
                tqdm.write(f"{family}: left out: {error}")
    return len(list(folder.glob("*.woff2")))


def handwriting_families(catalogue: dict[str, dict[str, Any]]) -> list[str]:
    """Names of the families of the category handwriting that have Latin letters."""
    return sorted(
        name
        for name, family in catalogue.items()
        if family["category"] == "handwriting"
        and "latin" in family["subsets"]
        and not set(name.split("-")).intersection(_TEACHING)
    )


def take_font(archive: tarfile.TarFile, family: str, folder: Path) -> None:
    """Copy a package's regular Latin font and its licence; KeyError if it has none."""
    font = _content(archive, f"package/files/{family}-latin-400-normal.woff2")
    licence = _content(archive, "package/LICENSE")
    (folder / f"{family}.LICENSE").write_bytes(licence)
    part = folder / f"{family}.part"
    part.write_bytes(font)
    part.replace(folder / f"{family}.woff2")


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(f"{name} is no file")
    return file.read()


def _pack(package: str, folder: Path) -> Path:
    """Let npm fetch a package as an archive; its path."""
    command = ["npm", "pack", package, "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return folder / done.stdout.split()[-1]


def main() -> None:
    """Fetch all into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    if shutil.which("npm") is None:
        sys.exit("error: npm is not installed (Debian: apt-get install npm)")
    print(f"{fetch_fonts(folder)} fonts in {folder}")


if __name__ == "__main__":
    main()
