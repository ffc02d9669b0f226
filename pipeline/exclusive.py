"""One process at a time: a lock file that the system frees when its holder ends, however it ends."""

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
    """Hold `path` alone; while another process has it, say `waiting` once and wait. Yields whether it had to wait.

    flock(2): among the processes of one machine, and of all machines on NFS from version 4. Where the file system has no
    locks it says so and goes on without. The file is removed at the end; one that a killed process left is taken over.
    """
    descriptor, waited = _acquire(path, waiting)
    try:
        yield waited
    finally:
        # While it is held: whoever waits for the removed file sees that, and takes a new one.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path, waiting: str) -> tuple[int, bool]:
    path.parent.mkdir(parents=True, exist_ok=True)
    waited = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            waited = _lock(descriptor, path, "" if waited else waiting) or waited
            if _is(path, descriptor):
                return descriptor, waited
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int, path: Path, waiting: str) -> bool:
    """Whether another process had to end first."""
    taken = take(descriptor, fcntl.LOCK_EX)
    if taken is None:
        waiting = f"{path}: this file system has no locks; nothing else may work on the same file now"
    if waiting and not taken:
        print(waiting, file=sys.stderr, flush=True)
    if taken is False:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return taken is False


def take(descriptor: int, operation: int) -> bool | None:
    """Take a lock at once: whether nobody else had it, None where the file system has no locks."""
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        return None
    return True


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
