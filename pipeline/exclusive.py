"""A lock file that one process holds at a time; the system frees it when the process ends, in whatever way."""

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Some shared file systems are mounted without locks.
UNSUPPORTED = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def exclusive(path: Path, waiting: str) -> Iterator[bool]:
    """Hold the lock `path` inside the block. If another process has it, print `waiting` once and wait; yields whether it waited.

    Uses flock(2): it excludes processes of one machine, and of all machines on NFS from version 4. On a file system without
    locks it prints a warning and goes on. The file is removed at the end; one that a killed process left is taken over.
    """
    descriptor, waited = _acquire(path, waiting)
    try:
        yield waited
    finally:
        # Removed while held: a process that waits for this file sees that it is gone and creates a new one.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path, waiting: str) -> tuple[int, bool]:
    path.parent.mkdir(parents=True, exist_ok=True)
    waited = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            waited = _lock(descriptor, path, "" if waited else waiting) or waited
            if _is_same_file(path, descriptor):
                return descriptor, waited
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int, path: Path, waiting: str) -> bool:
    """Take the lock; return whether another process held it first."""
    taken = take(descriptor, fcntl.LOCK_EX)
    if taken is None:
        waiting = f"{path}: this file system has no locks; no other process may use the file now"
    if waiting and not taken:
        print(waiting, file=sys.stderr, flush=True)
    if taken is False:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return taken is False


def take(descriptor: int, operation: int) -> bool | None:
    """Try to take a lock without waiting; return whether it was free, None where the file system has no locks."""
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        return None
    return True


def _is_same_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
