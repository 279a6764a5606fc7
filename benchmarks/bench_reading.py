"""Speed of reading: from the bytes of an image file to its text, and the network alone.

    python benchmarks/bench_reading.py [--model FILE] [--images FOLDER] [--count 512] [--threads 1]

Without --images, words are drawn by the project's synthesizer. On a machine with several cores, tie the process to as
many as --threads says (Linux: taskset -c 0 python ...), since OpenCV and the system use others.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from src.data.synthesis.drawing import draw_word
from src.data.synthesis.sample_archive import encode_png
from src.data.synthesis.writer import create_writer
from src.paths import Paths
from src.recognition import Recognizer
from src.recognition.images import decode_image
from src.recognition.normalize import normalize_with_extent

# A process of its own: imports, loading and the first word, as `longhand read` has them.
COLD_START = """
import json, sys, time
began = time.perf_counter()
from pathlib import Path
from src.recognition import Recognizer
from src.recognition.images import decode_image
recognizer = Recognizer.load(Path(sys.argv[1]), threads=int(sys.argv[2]))
recognizer.read([decode_image(Path(sys.argv[3]))])
seconds = time.perf_counter() - began
# Not ru_maxrss: a child begins with its parent's.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([seconds, int(peak.split()[1]) / 1024]))
"""
WORDS = ("house", "between", "Monday", "read", "Is", "government,", "1987", "the", "handwriting", "letters")


def drawn(count: int) -> list[bytes]:
    """PNG files of `count` words by 20 virtual writers."""
    random = np.random.default_rng(5)
    writers = [create_writer(5, index) for index in range(20)]
    return [encode_png(draw_word(WORDS[i % len(WORDS)], writers[i % len(writers)], random)) for i in range(count)]


def main(
    model: Annotated[Path | None, typer.Option(help="else the one that is served")] = None,
    images: Annotated[Path | None, typer.Option(help="folder of word images, at any depth")] = None,
    count: int = 512,
    threads: int = 1,
    repeats: int = 3,
) -> None:
    """Print a Markdown table."""
    path = model or Paths().served_model
    if images is None:
        files = drawn(count)
    else:
        named = sorted(file for file in images.rglob("*") if file.suffix in (".png", ".jpg"))
        files = [file.read_bytes() for file in named[:: max(1, len(named) // count)][:count]]
    recognizer = Recognizer.load(path, threads=threads)
    grey = [decode_image(file) for file in files]
    # Kernels are made once a width: the first round has them to make, the second is what a service that has been up for
    # a while does.
    rounds: list[list[float]] = []
    for _ in range(2):
        rounds.append([])
        for file in files:
            began = time.perf_counter()
            recognizer.read([decode_image(file)])
            rounds[-1].append(1000 * (time.perf_counter() - began))
    first_time, single = rounds
    parts: dict[str, list[float]] = {"bytes to pixels": [], "normalising": [], "network": [], "decoding": []}
    for file in files:
        times = [time.perf_counter()]
        pixels = decode_image(file)
        times.append(time.perf_counter())
        ink, extent = normalize_with_extent(pixels, recognizer.info.normalization)
        times.append(time.perf_counter())
        (frames,) = recognizer.log_probs([ink])
        times.append(time.perf_counter())
        recognizer.interpret(frames, extent)
        times.append(time.perf_counter())
        for name, seconds in zip(parts, np.diff(times), strict=True):
            parts[name].append(1000 * seconds)
    recognizer.read(grey)
    batches = []
    for _ in range(repeats):
        began = time.perf_counter()
        for start in range(0, len(files), 64):
            recognizer.read([decode_image(file) for file in files[start : start + 64]])
        batches.append(len(files) / (time.perf_counter() - began))
    blank = [np.zeros((recognizer.info.normalization.height, 192), np.uint8)] * 64
    alone = []
    for _ in range(repeats * 5):
        began = time.perf_counter()
        recognizer.log_probs(blank)
        alone.append(len(blank) / (time.perf_counter() - began))

    with tempfile.TemporaryDirectory() as folder:
        word = Path(folder) / "word"
        word.write_bytes(files[0])
        command = [sys.executable, "-c", COLD_START, str(path), str(threads), str(word)]
        cold = [json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) for _ in range(repeats)]

    print(f"{path}, {recognizer.precision}, {threads} thread(s), {len(files)} words\n")
    print("| | |\n|---|---:|")
    print(f"| one word, bytes to text: p50 / p99 | {np.median(single):.1f} / {np.percentile(single, 99):.1f} ms |")
    print(
        f"| of which {', '.join(parts)}: p50 | {' / '.join(f'{np.median(part):.2f}' for part in parts.values())} ms |"
    )
    print(f"| one word, each width seen for the first time: p50 / p99 | "
          f"{np.median(first_time):.1f} / {np.percentile(first_time, 99):.1f} ms |")  # fmt: skip
    print(f"| batches of 64, bytes to text | {np.median(batches):.0f} words/s |")
    print(f"| network alone, 48x192, batches of 64 | {np.median(alone):.0f} words/s |")
    print(f"| cold start to the first word | {np.median([seconds for seconds, _ in cold]):.2f} s |")
    print(f"| memory, cold start; this process | {np.median([size for _, size in cold]):.0f} MB; "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB |")  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
