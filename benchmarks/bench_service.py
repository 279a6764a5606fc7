"""The service under load, on the loopback interface: throughput, latency, memory, processor time.

    python benchmarks/bench_service.py [--images FOLDER] [--requests 50000] [--seconds 20]

One run measures, on the same images: the bare recognizer, from an image's bytes to its text (one thread as the service
has it, and all cores); the most that the service answers, with as many clients as fill its batches; latency at half of
that; then resident memory over many requests. The clients run on the same cores.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_reading import drawn
from src.paths import Paths
from src.recognition import Recognizer
from src.recognition.images import decode_image
from tests.test_api.server import Server, serve

CLIENTS = 16


def bare(files: list[bytes], model: Path, threads: int, seconds: float) -> float:
    """Images a second from bytes to text, in batches of 16 as the service reads them."""
    recognizer = Recognizer.load(model, threads=threads)
    count, began = 0, time.perf_counter()
    warm = None
    while (now := time.perf_counter()) - began < seconds:
        if warm is None and now - began > seconds / 4:  # kernels are made once a width
            warm, count = now, 0
        start = count % len(files)
        count += len(recognizer.read([decode_image(file) for file in files[start : start + 16]]))
    return count / (time.perf_counter() - (warm or began))


def request_of(file: bytes) -> bytes:
    """A whole HTTP request; made beforehand, so that the clients take little from the service's cores."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="alternatives"\r\n\r\n0\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + file + b"\r\n--x--\r\n"
    )
    head = ("POST /predict/ HTTP/1.1", "Host: x", "Content-Type: multipart/form-data; boundary=x")
    return "\r\n".join((*head, f"Content-Length: {len(body)}", "", "")).encode() + body


class Load:
    """Clients that send requests over connections that stay open, and note each answer's time and status."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        self.port, self.requests, self.sent = port, requests, 0
        self.seconds: list[float] = []
        self.failed = 0

    async def as_fast_as_it_goes(self, clients: int, until: float, most: int | None = None) -> None:
        """Send the next request as soon as the last is answered, until a time or a number."""

        async def client() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            while time.perf_counter() < until and (most is None or self.sent < most):
                await self._one(reader, writer, time.perf_counter())
            writer.close()

        await asyncio.gather(*(client() for _ in range(clients)))

    async def at_rate(self, rate: float, seconds: float, seed: int = 3) -> None:
        """Send so many a second at random times; an answer's time counts from when it was due."""
        random = np.random.default_rng(seed)
        due = time.perf_counter() + np.cumsum(random.exponential(1.0 / rate, round(rate * seconds)))
        idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        for _ in range(64):
            idle.put_nowait(await asyncio.open_connection("127.0.0.1", self.port))

        async def one(when: float) -> None:
            await asyncio.sleep(max(0.0, when - time.perf_counter()))
            connection = await idle.get()
            await self._one(*connection, when)
            idle.put_nowait(connection)

        await asyncio.gather(*(one(float(when)) for when in due))
        while not idle.empty():
            idle.get_nowait()[1].close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, began: float) -> None:
        self.sent += 1
        writer.write(self.requests[self.sent % len(self.requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        self.seconds.append(time.perf_counter() - began)
        self.failed += b" 200 " not in head.partition(b"\r\n")[0]


def processor_seconds(server: Server) -> float:
    """Processor time that the service has used."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(
    model: Annotated[Path | None, typer.Option(help="else the one that is served")] = None,
    images: Annotated[Path | None, typer.Option(help="folder of word images, at any depth")] = None,
    requests: Annotated[int, typer.Option(help="over which memory is watched")] = 50_000,
    seconds: Annotated[float, typer.Option(help="of each measurement")] = 20.0,
) -> None:
    """Print a Markdown table."""
    path = (model or Paths().served_model).resolve()
    if images is None:
        files = drawn(512)
    else:
        named = sorted(file for file in images.rglob("*") if file.suffix in (".png", ".jpg"))
        files = [file.read_bytes() for file in named[:: max(1, len(named) // 512)][:512]]
    cores = len(os.sched_getaffinity(0))
    alone = {threads: bare(files, path, threads, seconds) for threads in sorted({1, cores})}
    wire = [request_of(file) for file in files]
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder), path, keys="off", recent_megabytes=16) as server:
        load = Load(server.port, wire)
        asyncio.run(load.as_fast_as_it_goes(CLIENTS, time.perf_counter() + seconds, 2000))  # kernels, caches
        while load.sent < 2000:
            asyncio.run(load.as_fast_as_it_goes(CLIENTS, time.perf_counter() + seconds, 2000))
        after_2000 = server.resident()
        fast, used, began = Load(server.port, wire), processor_seconds(server), time.perf_counter()
        asyncio.run(fast.as_fast_as_it_goes(CLIENTS, began + seconds))
        rate = len(fast.seconds) / (time.perf_counter() - began)
        used = (processor_seconds(server) - used) / len(fast.seconds)
        half = Load(server.port, wire)
        asyncio.run(half.at_rate(rate / 2, seconds))
        idle, began = processor_seconds(server), time.perf_counter()
        time.sleep(3)
        spinning = (processor_seconds(server) - idle) / (time.perf_counter() - began)
        rest = Load(server.port, wire)
        left = requests - load.sent - fast.sent - half.sent
        if left > 0:
            asyncio.run(rest.as_fast_as_it_goes(CLIENTS, float("inf"), left))
        total = sum(one.sent for one in (load, fast, half, rest))
        growth = server.resident() / after_2000 - 1
        failed = sum(one.failed for one in (load, fast, half, rest))
    p50, p99 = (1000 * float(np.quantile(half.seconds, q)) for q in (0.5, 0.99))
    print("| Measured | |\n|---|---:|")
    for threads, speed in alone.items():
        print(f"| bare recognizer, {threads} thread{'s' * (threads > 1)}, images/s | {speed:.0f} |")
    print(f"| `/predict/`, {CLIENTS} clients, requests/s | {rate:.0f} |")
    for threads, speed in alone.items():
        print(f"| share of the bare recognizer with {threads} thread{'s' * (threads > 1)} | {rate / speed:.0%} |")
    print(f"| latency at half that load, p50 / p99 | {p50:.1f} / {p99:.1f} ms |")
    print(f"| processor time a request | {1000 * used:.1f} ms |")
    print(f"| processor while nothing is asked | {spinning:.1%} of a core |")
    print(f"| memory after 2,000 requests; growth until {total:,} | {after_2000 / 2**20:.0f} MB; {growth:+.1%} |")
    print(f"| requests that failed | {failed} |")


if __name__ == "__main__":
    typer.run(main)
