"""Cost of the data stages, from an archive in IAM's layout to packed samples: seconds and resident memory of each.

    python benchmarks/bench_pipeline.py [--words 115320] [--fractions 0.25,0.5,1] [--check]

Archives of drawn words are made in a temporary folder and removed. With --check it fails where the whole takes more
than 180 seconds or a process more than 1.5 GB.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parents[1]
STAGES = (
    "extract_raw_data",
    "load_dataset",
    "filter_data",
    "clean_data",
    "encode_data",
    "prepare_features",
    "split_data",
)
MAX_SECONDS = 180.0
MAX_MEGABYTES = 1500.0

# Run by a process of its own, whose only child is the stage: so the children's peak is that of the stage's processes.
MEASURE = """
import json, resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"code": code, "wall": time.monotonic() - began, "cpu": used.ru_utime + used.ru_stime,
                  "megabytes": used.ru_maxrss / 1024}))
"""


def measure(stage: str, root: Path) -> dict[str, float]:
    """Run a stage in `root`; ru_maxrss of its children is the peak of the largest single process among them."""
    command = [sys.executable, "-c", MEASURE, sys.executable, str(ROOT / "src" / "data" / f"{stage}.py")]
    done = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    if result["code"]:
        raise SystemExit(f"{stage} failed in {root}")
    return result


def run(words: int, folder: Path) -> list[dict[str, float]]:
    """Make an archive of `words` words and run all stages on it."""
    root = folder / str(words)
    (root / "data" / "raw").mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", root)
    archive = root / "data" / "raw" / "raw_data.tar.gz"
    maker = [sys.executable, ROOT / "benchmarks" / "make_iam_archive.py", "--words", str(words), "--out", archive]
    subprocess.run(maker, check=True)
    os.sync()  # the archive's own writing is not the stages' cost
    results = [measure(stage, root) for stage in STAGES]
    packed = (root / "data" / "processed" / "samples" / "images.bin").stat().st_size
    typer.echo(f"{words} words, archive {archive.stat().st_size / 1e6:.0f} MB, packed {packed / 1e6:.0f} MB", err=True)
    shutil.rmtree(root)
    return results


def main(
    words: int = 115_320,
    fractions: Annotated[str, typer.Option(help="shares of the words, a run each")] = "0.25,0.5,1",
    check: Annotated[bool, typer.Option(help="fail where a bar is broken")] = False,
) -> None:
    """Print a Markdown table: a row a stage, wall seconds (CPU seconds) and peak MB for each share."""
    counts = [round(words * float(share)) for share in fractions.split(",")]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        runs = {count: run(count, Path(folder)) for count in counts}
    typer.echo("| stage | " + " | ".join(f"{count:,} words: s (CPU s), MB" for count in counts) + " |")
    typer.echo("|---|" + "---:|" * len(counts))
    for row, stage in enumerate(STAGES):
        cells = (runs[count][row] for count in counts)
        typer.echo(
            f"| {stage} | "
            + " | ".join(f"{c['wall']:.1f} ({c['cpu']:.1f}), {c['megabytes']:.0f}" for c in cells)
            + " |"
        )
    totals = {count: sum(stage["wall"] for stage in runs[count]) for count in counts}
    busy = {count: sum(stage["cpu"] for stage in runs[count]) for count in counts}
    peaks = {count: max(stage["megabytes"] for stage in runs[count]) for count in counts}
    typer.echo("| all | " + " | ".join(f"{totals[c]:.1f} ({busy[c]:.1f}), {peaks[c]:.0f}" for c in counts) + " |")
    typer.echo("| ms a word | " + " | ".join(f"{1000 * totals[c] / c:.2f}" for c in counts) + " |")
    typer.echo(f"{len(os.sched_getaffinity(0))} cores, {time.monotonic() - began:.0f} s in all", err=True)
    if check and (max(totals.values()) > MAX_SECONDS or max(peaks.values()) > MAX_MEGABYTES):
        raise SystemExit(f"more than {MAX_SECONDS:.0f} s or {MAX_MEGABYTES:.0f} MB")


if __name__ == "__main__":
    typer.run(main)
