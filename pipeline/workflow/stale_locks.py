"""Snakemake's locks after a kill: the next call removes them when the process that made them is surely gone.

Snakemake locks the files of a run below .snakemake/locks without saying who did, and a killed one leaves them there.
So every main process registers in .snakemake/callers before it locks anything. Locks are removed when every registered
process is known to be gone; with one that lives, that runs on another machine, or without any, they are left to
Snakemake, which then refuses to run.
"""

import atexit
import hashlib
import os
import re
import socket
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline import files
from pipeline.errors import UserError
from pipeline.exclusive import exclusive

LOCKS, CALLERS = Path(".snakemake/locks"), Path(".snakemake/callers")
# A process on another machine that registered this long ago and holds no lock by now has ended.
PLANNING_SECONDS = 3600


@dataclass(frozen=True)
class Process:
    """A process beyond its number: numbers are given again. None: this system does not tell."""

    host: str
    boot: str | None
    namespace: str | None
    pid: int
    started: str | None

    @classmethod
    def this(cls) -> "Process":
        """The running process."""
        boot, place = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
        return cls(
            socket.gethostname(),
            boot.read_text().strip() if boot.exists() else None,
            os.readlink(place) if place.exists() else None,  # noqa: PTH115 (a name, not a path)
            os.getpid(),
            _started(os.getpid()),
        )

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    def gone(self, here: "Process") -> bool | None:
        """Whether it has ended, seen from the process `here`; None if that cannot be told."""
        if self.host != here.host:
            return None
        if self.boot != here.boot:
            return True
        if self.namespace != here.namespace:
            return None  # Another container: its numbers mean nothing here.
        if here.started is not None:
            return _started(self.pid) != self.started
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


def clear() -> None:
    """Remove locks that killed calls left here, and register this one until it ends; once, before Snakemake locks."""
    here = Process.this()
    # Two calls that start together after a kill: the second must see the first, not what the first saw.
    with exclusive(CALLERS / "lock", "waiting for another call of Snakemake to start ..."):
        _judge(here)
        files.write_json(_record(here), asdict(here))
    atexit.register(_leave, here)


def _judge(here: Process) -> None:
    locks, callers = sorted(LOCKS.glob("*.lock")), _registered()
    gone = {path: process.gone(here) for path, process in callers.items()}
    if locks and (not callers or not all(gone.values())):
        for path, process in callers.items():
            if gone[path] is None:
                _tell(f"Locked, perhaps by {process}, which cannot be seen from {here.host}.")
            elif not gone[path]:
                _tell(f"Another Snakemake works in this folder: {process}.")
        return  # Those who are gone stay registered as long as a lock may be theirs.
    for path in locks:
        path.unlink(missing_ok=True)
    if locks:
        _tell(f"Removed the lock that a killed Snakemake left: {', '.join(map(str, callers.values()))}.")
    for path in callers:
        if gone[path] or (gone[path] is None and _age(path) > PLANNING_SECONDS):
            path.unlink(missing_ok=True)


def _registered() -> dict[Path, Process]:
    """Callers by file; one that cannot be read, as of another version of this module, counts as unknown."""
    found = {}
    for path in sorted(CALLERS.glob("*.json")):
        try:
            found[path] = Process(**files.read_json(path))
        except (UserError, TypeError):
            found[path] = Process(f"an unknown machine ({path})", None, None, 0, None)
    return found


def _started(pid: int) -> str | None:
    """When a process began, in ticks since the machine did; None if there is none, or if it has ended unnoticed."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may hold anything.
    fields = re.sub(r"^.*\) ", "", status, flags=re.DOTALL).split()
    return None if fields[0] in "ZX" else fields[19]


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _record(process: Process) -> Path:
    return CALLERS / f"{hashlib.sha256(files.canonical_json(asdict(process)).encode()).hexdigest()[:16]}.json"


def _leave(process: Process) -> None:
    # Forked children end as well, but did not register.
    if os.getpid() == process.pid:
        _record(process).unlink(missing_ok=True)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
