"""Calls of Snakemake that are killed, and what may be left of them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.workflow.workspace import ENVIRONMENT, Workspace

SECONDS = 600
LOG = re.compile(r"(^|/)log[^/]*\.txt$|\.log$")


class Call:
    """`snakemake -c1 -- TARGET` in a session of its own."""

    def __init__(self, workspace: Workspace, *words: str):
        self.folder = workspace.folder
        self.said = self.folder / f".snakemake/said{time.monotonic_ns()}.txt"
        command = [sys.executable, "-m", "snakemake", "--show-failed-logs", "-c1", "--", *words]
        with open(self.said, "w") as stream:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=ENVIRONMENT, stdout=stream, stderr=stream, start_new_session=True
            )

    def jobs(self) -> list[int]:
        """Processes of jobs that this call started and that still run."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                state, _, _, session = re.sub(r"^.*\) ", "", (place / "stat").read_text(), flags=re.S).split()[:4]
                words = (place / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if state != "Z" and int(session) == self.process.pid and words[1:2] == [b"-m"] and b"pipeline." in words[2]:
                found.append(int(place.name))
        return found

    def started(self) -> int:
        """Wait for the first job; its process, 0 when the call ended without one."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            if jobs := self.jobs():
                return jobs[0]
            if ended:
                return 0
            time.sleep(0.01)
        raise AssertionError(f"no job after {SECONDS} s: {self.said.read_text()}")

    def wait(self) -> int:
        """Exit code, once neither the call nor any of its jobs runs."""
        code = self.process.wait(timeout=SECONDS)
        deadline = time.monotonic() + SECONDS
        while self.jobs():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return code

    def kill(self, who: str, job: int) -> bool:
        """SIGKILL for `job`, `snakemake` alone, or `all` of the call at once; whether the job was still at work."""
        at_work = job in self.jobs()
        try:
            if who == "all":
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                os.kill(job if who == "job" else self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            at_work = False
        return at_work


def killed(workspace: Workspace, target: str, who: str, delay: float, prepare: Callable[[], None]) -> Call:
    """A call that was killed while its job was at work, `delay` seconds after it began or, if that is too late, sooner."""
    while True:
        prepare()
        call = Call(workspace, target)
        job = call.started()
        time.sleep(delay if job else 0)
        if job and call.kill(who, job):
            return call
        call.process.kill()
        call.wait()
        assert delay > 0.001, call.said.read_text()
        delay *= 0.6


def assert_whole(workspace: Workspace, target: str, right: dict[str, object]) -> None:
    """After a kill: no output is torn, and a receipt that is there speaks for outputs that are all there."""
    outputs, receipt = outputs_of(target, right), f"{target}.receipt.json"
    there = [path for path in outputs if (workspace.folder / path).exists()]
    assert [path for path in there if content(workspace.folder, path) != right[path]] == [], "torn"
    if (workspace.folder / receipt).exists():
        assert there == outputs and content(workspace.folder, receipt) == right[receipt]


def content(folder: Path, path: str) -> object:
    """What counts of a file: its bytes; of a receipt all but the informational part and the seal over it."""
    if path.endswith(".receipt.json"):
        receipt = json.loads((folder / path).read_text())
        return {name: value for name, value in receipt.items() if name not in ("run", "seal")}
    return (folder / path).read_bytes()


def contents(workspace: Workspace) -> dict[str, object]:
    """Every file below results and data/packed that must be the same in every run: all but logs."""
    paths = [
        path.relative_to(workspace.folder).as_posix()
        for top in ("results", "data/packed")
        for path in sorted((workspace.folder / top).rglob("*"))
        if path.is_file()
    ]
    return {path: content(workspace.folder, path) for path in paths if not LOG.search(path)}


def assert_same(found: dict[str, object], right: dict[str, object]) -> None:
    """The same files, and the same in each."""
    assert sorted(found) == sorted(right)
    assert [path for path in right if found[path] != right[path]] == []


def outputs_of(target: str, right: dict[str, object]) -> list[str]:
    """All outputs of the job that makes `target`."""
    return list(right[f"{target}.receipt.json"]["outputs"])


def remove(workspace: Workspace, target: str, right: dict[str, object]) -> None:
    """Take away what the job of `target` left, so that it has to run again."""
    for path in [*outputs_of(target, right), f"{target}.receipt.json"]:
        (workspace.folder / path).unlink(missing_ok=True)


def seconds_of(workspace: Workspace, target: str) -> float:
    """How long the job took, by its receipt."""
    return json.loads((workspace.folder / f"{target}.receipt.json").read_text())["run"]["seconds"]
