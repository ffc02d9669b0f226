"""Run Snakemake behind one live line: jobs, trainings with step and rate, percentage of the estimated work, remaining time.

`python -m pipeline.workflow.progress -- snakemake -c2 TARGET`. Everything that Snakemake says goes to a log file; when the
run fails, its errors and the end of each failed job's own log are shown. Ctrl-C reaches Snakemake and its jobs exactly
once. What is planned and what happens comes from Snakemake as data (pipeline/workflow/job_events.py).
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from pipeline.provenance import receipts
from pipeline.workflow import job_events
from pipeline.workflow.board import Board
from pipeline.workflow.estimates import Estimates, from_receipts

TICK = 0.25  # seconds between looks at the events
REFRESH, PLAIN = 1.0, 15.0  # seconds between updates on a terminal / in a log
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LINES = 25  # of a log that are shown


def run(command: list[str], log: Path, events: Path, out: TextIO) -> int:
    """Run `command`, which writes its events to a file, and show its progress on `out`; the exit code of the command."""
    log.parent.mkdir(parents=True, exist_ok=True)
    events.unlink(missing_ok=True)
    child = _Child()
    previous = {number: signal.signal(number, child.stop) for number in SIGNALS}
    reader = _Events(events)
    try:
        print("planning ...", file=out, flush=True)
        begin = time.time()
        with open(log, "w", encoding="utf-8") as file:
            child.start(command, file)
        # While Snakemake plans.
        board = Board(Estimates(from_receipts(receipts.collect().receipts.values())))
        screen = _Screen(board, begin, out, child)

        def follow() -> None:
            for event in reader.new():
                board.feed(event)
            if board.jobs:
                screen.show()

        code = child.wait(follow)
        if board.jobs:
            screen.close()
        elif code == 0:
            print("Nothing to be done.", file=out)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if child.stopped:
        print("Stopped. Finished jobs are kept; the same command goes on from here.", file=out)
        return 130
    if code:
        print(f"{what_failed(board.failures, log)}\n\nFailed. Everything Snakemake said: {log}", file=out)
    return code


def what_failed(failures: list[dict], log: Path) -> str:
    """The jobs that failed, each with the end of its log; if none did, what else went wrong; else the end of `log`."""
    parts = []
    for event in [event for event in failures if event["event"] == "fail"] or failures:
        if event["event"] == "fail":
            parts.append(f"Error in rule {event['rule']}: {', '.join(event['output'])}")
        parts.append(event["message"])
        parts += [f"--- the end of {name}\n{_end(Path(name))}" for name in event.get("log", ()) if Path(name).is_file()]
    return "\n".join(filter(None, parts)) or _end(log)


def _end(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").rstrip().splitlines()[-LINES:])


class _Child:
    """Snakemake in a session of its own, so that a terminal's Ctrl-C reaches only us and we pass it on exactly once."""

    def __init__(self) -> None:
        self.stopped, self._process, self._told = False, None, False

    def stop(self, *_: object) -> None:
        """Signal handler: SIGINT to Snakemake and its jobs together; alone, Snakemake would wait for its jobs."""
        self.stopped = True
        if self._process and not self._told and self._process.poll() is None:
            self._told = True
            os.killpg(self._process.pid, signal.SIGINT)

    def start(self, command: list[str], log: TextIO) -> None:
        """Start `command`; all that it says goes to `log`."""
        self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        if self.stopped:
            self.stop()

    def wait(self, tick: Callable[[], None]) -> int:
        """Call `tick` until the command has ended, and once more; its exit code."""
        while True:
            try:
                code = self._process.wait(timeout=TICK)
            except subprocess.TimeoutExpired:
                tick()
            else:
                tick()
                return code


class _Events:
    """A file of events that another process writes."""

    def __init__(self, path: Path):
        self._path, self._place, self._rest = path, 0, ""

    def new(self) -> Iterator[dict]:
        """Those that were written since the last call."""
        if not self._path.exists():
            return
        with open(self._path, encoding="utf-8") as file:
            file.seek(self._place)
            *lines, self._rest = (self._rest + file.read()).split("\n")
            self._place = file.tell()
        yield from map(json.loads, lines)


class _Screen:
    """One line rewritten in place on a terminal, a new line now and then elsewhere."""

    def __init__(self, board: Board, begin: float, out: TextIO, child: _Child) -> None:
        self.board, self.begin, self.out, self.child = board, begin, out, child
        self.live, self.last = out.isatty(), float("-inf")

    def show(self) -> None:
        now = time.time()
        if now - self.last < (REFRESH if self.live else PLAIN):
            return
        self.last = now
        self.board.look(now)
        text = self.board.line(now - self.begin, now)
        if self.child.stopped:
            text = "stopping, jobs save their state ... | " + text
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            self.out.write(f"\r\033[K{text[:width]}")
        else:
            self.out.write(f"{text}\n")
        self.out.flush()

    def close(self) -> None:
        """Leave the last state standing."""
        self.last = float("-inf")
        self.show()
        if self.live:
            self.out.write("\n")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.workflow.progress", description=__doc__)
    parser.add_argument("--log", type=Path, help="where the whole output goes (default: a new file in .snakemake/log)")
    parser.add_argument("command", nargs="+", help="after --: snakemake and its arguments")
    arguments = parser.parse_args()
    if arguments.command[0] != "snakemake":
        parser.error(f"{arguments.command[0]}: expected snakemake and its arguments")
    log = arguments.log or Path(f".snakemake/log/{time.strftime('%Y-%m-%dT%H%M%S')}.console.log")
    events = log.with_suffix(".jobs.jsonl")
    return run(job_events.command(arguments.command[1:], events), log, events, sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
