"""Train the released recognizer anew, in one command that can be killed and given again at any time.

    python scripts/train_release.py ../shared/data [--work build/release] [--start chance] [--minutes 200] [--adopt]

DATA holds copiste-d-un-jour, copiste-words and dhsd. Fonts are fetched from npm (once); settings are those of
models/released/params.yaml. All is written below --work, which is laid out as a project: the longhand commands and
benchmarks work in it. --adopt puts what was released there into the repository's models/released.

The release in the repository was itself trained from the one before it, and averaged with it; --start chance begins
with no weights at all.
"""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
import yaml

ROOT = Path(__file__).resolve().parents[1]
RELEASED = Path("models/released")
EARLIER = Path("models/earlier.pt")
# Of the new training in the mean with the release before: it reads English in unknown hands better, and French and
# German ones, which the validation writers wrote, hardly worse (docs/results.md).
OWN_SHARE = 0.5

# How each data set is brought in: name, arguments of `longhand import`. The first two hold the same writers' ink.
IMPORTS = {
    "copiste-words": ("copiste-words/raw_data.tar.gz", "--collection", "copiste"),
    "copiste-lines": (
        "copiste-d-un-jour",
        *("--collection", "copiste", "--writer-pattern", r"wikitexte_0(\d{3})"),
        *("--drop-pattern", r"(imp_|oldbatch_)?wikitexte_?\s*\d+(_double)?(_\d+)?"),
    ),
    "dhsd": ("dhsd",),
}
# English most of all: it has no images of real hands here.
LANGUAGES = ("en",) * 6 + ("fr", "fr", "de", "es", "it", "pt", "nl", "sv", "da", "nb", "fi", "is")
DRAWN, DRAWN_SEED = 44_000, 24
STAGES = (
    *(f"src/data/{stage}.py" for stage in ("extract_raw_data", "load_dataset", "filter_data", "clean_data")),
    *(f"src/data/{stage}.py" for stage in ("encode_data", "prepare_features", "split_data", "reshape_data")),
    *(f"src/data/{stage}.py" for stage in ("calculate_class_weights", "one_hot_encode_labels", "splice_letters")),
    "src/data/build_language_model.py",
)

logger = logging.getLogger("train_release")


def main(
    data: Annotated[Path, typer.Argument(help="Folder with the three data sets.")],
    work: Annotated[Path, typer.Option(help="Folder for all that is made on the way.")] = Path("build/release"),
    start: Annotated[str, typer.Option(help="released or chance.")] = "released",
    minutes: Annotated[float | None, typer.Option(help="Of training; as in params.yaml by default.")] = None,
    adopt: Annotated[bool, typer.Option("--adopt", help="Put the result into models/released.")] = False,
) -> None:
    """Do what is not done yet."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    work, data = work.resolve(), data.resolve()
    raw = work / "data" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    params = yaml.safe_load((ROOT / RELEASED / "params.yaml").read_text(encoding="utf-8"))
    params["recognizer"]["start"] = start
    if minutes is not None:
        params["recognizer"]["max_minutes"] = minutes
    (work / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    if not (work / RELEASED).exists():
        shutil.copytree(ROOT / RELEASED, work / RELEASED)
        # The release that this one starts from and is averaged with: its place is taken by the new one in the end.
        shutil.copyfile(ROOT / RELEASED / "start.pt", work / EARLIER)
    for name, (source, *options) in IMPORTS.items():
        if not (raw / f"{name}.tar.gz").exists():
            run(work, "-m", "src.cli", "import", str(data / source), "--name", name, *options)
    if not (raw / "fonts.tar.gz").exists():
        run(work, str(ROOT / "scripts" / "fetch_fonts.py"), str(work / "fonts"))
        languages = [argument for language in LANGUAGES for argument in ("--language", language)]
        drawn = ("--count", str(DRAWN), "--seed", str(DRAWN_SEED))
        run(work, "-m", "src.cli", "synthesize", str(work / "fonts"), *drawn, *languages)
    # Minutes, and the same bytes each time: a killed training takes up its checkpoint on them.
    for stage in STAGES:
        run(work, str(ROOT / stage))
    once(work, "trained", str(ROOT / "scripts" / "with_tcmalloc.py"), str(ROOT / "src/models/train_recognizer.py"))
    if start == "released":
        averaging = str(ROOT / "scripts" / "average_recognizers.py")
        once(work, "averaged", averaging, "--own-share", str(OWN_SHARE), str(work / EARLIER))
    once(work, "quantized", str(ROOT / "src/models/quantize.py"))
    run(work, str(ROOT / "src/models/build_train_cnn.py"))
    run(work, str(ROOT / "src/models/evaluate_model.py"))
    run(work, str(ROOT / "src/models/release.py"))
    logger.info("%s: released; its card (README.md) is written by a person", work / RELEASED)
    if adopt:
        for file in ("recognizer.onnx", "start.pt", "metrics.json", "language_model.npz"):
            shutil.copyfile(work / RELEASED / file, ROOT / RELEASED / file)


def once(work: Path, what: str, *command: str) -> None:
    """Run a command that must not run again after it has ended well."""
    done = work / "done" / what
    if not done.exists():
        run(work, *command)
        done.parent.mkdir(exist_ok=True)
        done.touch()


def run(work: Path, *command: str) -> None:
    """Run Python with the repository's code in the folder of the work; a failure ends all, with its own message."""
    logger.info("python %s", " ".join(command))
    done = subprocess.run([sys.executable, *command], cwd=work, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    typer.run(main)
