"""Make pictures by independent calls, so that several threads may work at once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

Pictures = tuple[np.ndarray, ...]
T = TypeVar("T")
# Calls submitted per worker: enough to keep it busy, few enough to hold their results in memory.
AHEAD = 2


class Tasks:
    """Each call makes the pictures of one or more consecutive items of a split: (lr, hr) or (lr, hr, bicubic)."""

    def __init__(self, calls: Sequence[Callable[[], list[Pictures]]]):
        self.calls = calls

    def __iter__(self) -> Iterator[Pictures]:
        for call in self.calls:
            yield from call()


def in_order(work: Callable[[Callable], T], calls: Iterable[Callable], workers: int) -> Iterator[T]:
    """`work(call)` of every call, in their order, whatever the number of workers; the first error ends it.

    Workers are threads: decoding, resizing and hashing release Python's lock, pixels are not copied between processes,
    and no process is left over when the job is killed.
    """
    if workers == 1:
        yield from map(work, calls)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        waiting: deque = deque()
        for call in calls:
            waiting.append(pool.submit(work, call))
            if len(waiting) >= AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
