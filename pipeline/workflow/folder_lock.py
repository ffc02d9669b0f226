"""One Snakemake at a time works in a folder: a file lock that the system frees when its holder ends, however it ends.

Snakemake's own locks are plain files: a killed call leaves them there, and they do not say whose they are. Here the lock
is flock(2), and its file names the holder. It counts for the whole folder, because a call judges the receipts only while no
other call works there (pipeline/workflow/sync.py). Dry runs wait for nobody, and jobs on nodes take no lock.
"""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from pipeline.exclusive import take

LOCK = Path(".snakemake/folder.lock")
# `holder` takes the lock for a moment, too: a call that finds it taken asks again for so long.
PATIENCE = 1.0


def install(judged: bool = True) -> None:
    """Put this lock in place of Snakemake's in this process; `--nolock` still means none.

    A plan for which nobody has `judged` the receipts, because somebody else held the lock, is refused when that one has ended.
    """
    from snakemake.persistence.file import FilePersistence

    snakemakes_own = FilePersistence.lock

    @contextmanager
    def lock(self: FilePersistence) -> Iterator[None]:
        with _held() as supported:
            if not judged:
                raise WorkflowError(
                    "Another Snakemake worked here while this one planned. Give the same command again."
                )
            if supported:
                yield
            else:
                with snakemakes_own(self):
                    yield

    @contextmanager
    def lock_warn_only(self: FilePersistence) -> Iterator[None]:
        if other := holder():
            logger.info(f"Another Snakemake works in this folder ({other}): this is what was left to do a moment ago.")
        yield

    # The second one is for calls that only look, such as a dry run.
    FilePersistence.lock, FilePersistence.lock_warn_only = lock, lock_warn_only


def holder() -> str | None:
    """Who works in this folder, as "process 7 on node1, since 2026-11-20 18:54"; None if nobody does, or if the file
    system has no locks.
    """
    try:
        descriptor = os.open(LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        # Shared: for that, a file that somebody else owns need only be readable.
        return None if take(descriptor, fcntl.LOCK_SH) is not False else _named(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _held() -> Iterator[bool]:
    """Hold the lock; WorkflowError that names the holder if another process has it. Yields whether there are locks here."""
    LOCK.parent.mkdir(exist_ok=True)
    descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        deadline = time.monotonic() + PATIENCE
        while (taken := take(descriptor, fcntl.LOCK_EX)) is False and time.monotonic() < deadline:
            time.sleep(0.05)
        if taken is False:
            raise WorkflowError(
                f"Another Snakemake works in this folder: {_named(descriptor)}.\n"
                "Wait until it has ended, or end it, and give the same command again. `snakemake -n` works beside it."
            )
        if taken is None:
            logger.warning(f"{LOCK}: this file system has no locks; Snakemake's own lock is used instead.")
        else:
            told = f"process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%Y-%m-%d %H:%M')}"
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, told.encode(), 0)
        yield bool(taken)
    finally:
        os.close(descriptor)


def _named(descriptor: int) -> str:
    return os.pread(descriptor, 1000, 0).decode() or "it has just begun"
