"""Versions of the service side by side under the same load, on a machine that does other work as well.

    python benchmarks/compare_services.py before=FOLDER after=. [after-two=.,concurrent_readings:2] [--rate 55]

Each version is a clone's folder, and settings if they are to differ. All are started; then the load goes from one to
the next in blocks of seconds, in another order each round and with the same arrivals for all, so that all meet the same
work beside. What is printed compares them; how fast one is, `bench_service.py` tells on a machine with nothing beside.
"""

import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_reading import drawn
from benchmarks.bench_service import CLIENTS, Load, request_of
from src.paths import Paths
from tests.test_api.server import serve


def main(
    versions: Annotated[list[str], typer.Argument(help="NAME=FOLDER[,SETTING:VALUE]...")],
    rate: Annotated[float, typer.Option(help="requests a second")] = 55.0,
    rounds: Annotated[int, typer.Option()] = 9,
    seconds: Annotated[float, typer.Option(help="of each block at that rate")] = 5.0,
) -> None:
    """Print a Markdown table."""
    wire = [request_of(file) for file in drawn(512)]
    model = Paths().released_model.resolve()
    ports: dict[str, int] = {}
    times: dict[str, list[float]] = {}
    most: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        for version in versions:
            name, _, described = version.partition("=")
            root, *settings = described.split(",")
            own = Path(folder) / name
            own.mkdir()
            chosen = {"keys": "off", "recent_megabytes": "16"} | dict(setting.split(":") for setting in settings)
            server = running.enter_context(serve(own, model, Path(root).resolve(), **chosen))
            ports[name], times[name], most[name] = server.port, [], []
            warm = Load(server.port, wire)
            asyncio.run(warm.as_fast_as_it_goes(1, float("inf"), 1))
            asyncio.run(warm.as_fast_as_it_goes(CLIENTS, float("inf"), 500))  # kernels, caches
        for turn in range(rounds):
            for name in np.random.default_rng(turn).permutation(list(ports)):
                fast, half = Load(ports[name], wire), Load(ports[name], wire)
                began = time.perf_counter()
                asyncio.run(fast.as_fast_as_it_goes(CLIENTS, began + seconds / 2))
                most[name].append(len(fast.seconds) / (time.perf_counter() - began))
                asyncio.run(half.at_rate(rate, seconds, seed=turn))
                times[name] += half.seconds
                assert fast.failed + half.failed == 0
    print(f"| version | most, requests/s | at {rate:g} requests/s, p50 / p99 ms |\n|---|---:|---:|")
    for name in ports:
        p50, p99 = (1000 * float(np.quantile(times[name], q)) for q in (0.5, 0.99))
        print(f"| {name} | {np.median(most[name]):.0f} | {p50:.1f} / {p99:.1f} |")


if __name__ == "__main__":
    typer.run(main)
