"""Work spread over the cores, with results in order and only a few of them waiting."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

# Tasks begun or done but not yet taken, for each process: enough to keep it busy, few enough to bound the memory.
_WAITING = 4


def available_cores() -> int:
    """Return how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def map_in_order(function: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Iterator[Result]:
    """Apply a function to tasks in a pool of processes.

    Args:
        function: A module's function; it and the tasks are pickled.
        tasks: Taken one after another, as the pool has room.
        workers: Processes; 0: one a core; 1: no pool, the work is done in this process.

    Yields:
        The results in the order of the tasks.

    Raises:
        Exception: What the function raised; the tasks that have not begun are given up.
    """
    workers = workers or available_cores()
    if workers == 1:
        yield from map(function, tasks)
        return
    # Spawned, not forked: OpenCV's and Arrow's threads do not survive a fork, and Windows knows nothing else.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(function, task))
                if len(waiting) >= workers * _WAITING:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
