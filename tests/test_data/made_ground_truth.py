"""Small made ground truth for the tests of the first data stages."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

COPISTE = Path(__file__).resolve().parents[3] / "shared" / "data"


def image_bytes(seed: int, width: int = 60, height: int = 30, suffix: str = ".png") -> bytes:
    """A zigzag on paper, different for each seed."""
    random = np.random.default_rng(seed)
    image = np.full((height, width), 230, np.uint8)
    x = np.arange(3, width - 3, 6)
    points = np.stack([x, random.integers(3, height - 3, len(x))], axis=1).astype(np.int32)
    cv2.polylines(image, [points], False, 20, 2)
    return cv2.imencode(suffix, image)[1].tobytes()


def iam_files(rows: list[tuple[str, str, str]], forms: Mapping[str, str] | None = None) -> dict[str, bytes]:
    """Files of an IAM words archive; a row is (id, ok|err, transcription), each with an image of its own."""
    files = {
        f"words/{name.split('-')[0]}/{name.rsplit('-', 2)[0]}/{name}.png": image_bytes(seed)
        for seed, (name, _, _) in enumerate(rows)
    }
    lines = ["#--- words.txt", *(f"{name} {quality} 154 1 2 3 4 NN {text}" for name, quality, text in rows)]
    files["ascii/words.txt"] = ("\n".join(lines) + "\n").encode()
    if forms:
        files["ascii/forms.txt"] = "".join(f"{form} {writer} 2 prt\n" for form, writer in forms.items()).encode()
    return files


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_tar(path: Path, files: Mapping[str, bytes], members: list[tarfile.TarInfo] | None = None) -> Path:
    """A gzipped tar of files, then of members without content (links, devices)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in members or []:
            tar.addfile(member)
    return path


def manifest_frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    """A manifest; a row gives what differs from the defaults."""
    defaults: dict[str, object] = {
        "box": None, "polygon": None, "transcription": "word", "writer": "made/1", "form": "made/f1", "source": "made",
        "level": "word", "quality": "ok", "width": 60, "height": 30, "paper": 230, "contrast": 200,
    }  # fmt: skip
    numbered = [
        {"sample_id": f"made/{n:05}", "image": f"made/{n}.png", "digest": f"{n:016x}"} for n in range(len(rows))
    ]
    return pd.DataFrame([defaults | number | row for number, row in zip(numbered, rows, strict=True)])


def clean_frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    """A manifest with the columns that filter_data and clean_data add."""
    frame = manifest_frame([{"frequent": False} | row for row in rows])
    return frame.assign(text=frame["transcription"])
