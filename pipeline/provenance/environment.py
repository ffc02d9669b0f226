"""Versions of the locked packages that a job needs (part of its key), and facts about the machine (information only)."""

import hashlib
import importlib.metadata
import os
import platform
import re
import socket
import subprocess
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from packaging.markers import Marker

from pipeline.errors import UserError

REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(==|@)\s*([^\s;\\]+)\s*(?:;\s*([^\\#]*))?")
LOCK = "requirements.lock"  # relative to the repository root, where every job runs
VECTOR_UNITS = ("sse4_2", "avx", "fma", "avx2", "avx512f", "avx512_bf16", "amx_tile")


class Locked(NamedTuple):
    """A package of the lock: its (version, marker) choices, and the names of the packages that it requires."""

    choices: tuple[tuple[str, str], ...]
    requires: frozenset[str]


def packages_hash(lock_path: str | Path, names: Iterable[str]) -> str:
    """Hash of the locked versions of packages and of all they depend on; UserError for a package not in the lock."""
    text = "".join(
        f"{name}=={version};{marker}\n"
        for name, choices in sorted(locked(lock_path, names).items())
        for version, marker in choices
    )
    return hashlib.sha256(text.encode()).hexdigest()


def locked(lock_path: str | Path, names: Iterable[str]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Package -> (version, marker) choices, for packages and everything they depend on.

    A package locked in several versions for several platforms keeps all of them: the lock is hashed, not the machine,
    so that the key of a job is the same on a laptop and on a cluster.
    """
    lock_path = Path(lock_path)
    try:
        status = lock_path.stat()
    except FileNotFoundError as error:
        raise UserError(f"{lock_path}: no such file; it is part of the repository, restore it with git.") from error
    return _closure(lock_path, (status.st_mtime_ns, status.st_size), tuple(names))


@lru_cache
def _closure(lock_path: Path, state: tuple, names: tuple[str, ...]) -> dict[str, tuple[tuple[str, str], ...]]:
    lock = _lock(lock_path, state)
    closure: dict[str, tuple[tuple[str, str], ...]] = {}
    queue = [_normal(name) for name in names]
    while queue:
        name = queue.pop()
        if name in closure:
            continue
        if name not in lock:
            raise UserError(
                f"{lock_path}: '{name}' is not locked. Add it to pyproject.toml and compile the lock again."
            )
        closure[name] = lock[name].choices
        queue += lock[name].requires
    return closure


@lru_cache(maxsize=4)
def _lock(lock_path: Path, state: tuple) -> dict[str, Locked]:
    return parse(lock_path.read_text(encoding="utf-8"), lock_path)


def parse(text: str, lock_path: str | Path = "requirements.lock") -> dict[str, Locked]:
    """Read a lock as `uv pip compile` writes it, with its `# via` notes; else UserError."""
    choices: dict[str, list[tuple[str, str]]] = {}
    requires: dict[str, set[str]] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line[:1].isspace() or not line:
            note = re.sub(r"^# +(via\b)?", "", line.strip()) if "#" in line else ""
            for origin in _origins(note):
                requires.setdefault(origin, set()).add(name)
        elif not line.startswith(("#", "-")):
            requirement = REQUIREMENT.match(line)
            if not requirement:
                raise UserError(
                    f"{lock_path}, line {number}: '{line.strip()}' is not 'name==version'. Compile it again."
                )
            name = _normal(requirement.group(1))
            choices.setdefault(name, []).append((requirement.group(3), (requirement.group(4) or "").strip()))
    if choices and not requires:
        raise UserError(f"{lock_path}: no '# via' notes. Compile it again without --no-annotate.")
    return {
        name: Locked(tuple(sorted(versions)), frozenset(requires.get(name, ()))) for name, versions in choices.items()
    }


def _origins(note: str) -> set[str]:
    """Names in a via note; names of files, like `project (pyproject.toml)`, may stay: no package has such a name."""
    return {_normal(part.partition("[")[0].strip()) for part in note.split(",") if part.strip()}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def other_versions(lock_path: str | Path, names: Iterable[str]) -> list[str]:
    """Text "NAME INSTALLED for LOCKED" per package of `names` or their dependencies whose installed version is not the locked.

    A local version label (the `+cu128` of a torch build) is ignored: it names a build of the same release.
    """
    other = []
    for name, choices in sorted(locked(lock_path, names).items()):
        expected = [version for version, marker in choices if not marker or Marker(marker).evaluate()]
        installed = _installed(name)
        releases = {version.partition("+")[0] for version in expected}
        if expected and installed and installed.partition("+")[0] not in releases:
            other.append(f"{name} {installed} for {' or '.join(expected)}")
    return other


def record(packages: Iterable[str]) -> dict:
    """Facts about the running machine for the informational part of a receipt; no check reads them."""
    return {
        "commit": _git("rev-parse", "--verify", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--", ".", ":(exclude)results", ":(exclude)data")),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "cpu": _cpu(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
        "packages": {name: _installed(name) for name in sorted(packages)},
    }


def gpu() -> str | None:
    """Name of the GPU that this process used; torch is asked only if the job imported it itself."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return torch.cuda.get_device_name()


def peak_memory_mb() -> int:
    """Highest resident memory of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss also counts the parent's memory at the time of the fork.
        return round(int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024)
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def _git(*arguments: str) -> str | None:
    """Output of a git command; None outside a repository, before its first commit, and where git is not installed."""
    try:
        # Jobs run in parallel, so git must not take the index lock.
        command = ["git", "--no-optional-locks", *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    fields = (
        dict(re.findall(r"^(\w[\w ]*?)\s*:\s*(.+?)$", info.read_text().partition("\n\n")[0], re.M))
        if info.exists()
        else {}
    )
    if "model name" not in fields:
        return platform.processor() or platform.machine()
    # Virtual machines may state only the vendor; rounding depends on the processor's generation and vector units.
    units = " ".join(flag for flag in VECTOR_UNITS if flag in fields.get("flags", "").split())
    return f"{fields['model name']} (family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}; {units})"
