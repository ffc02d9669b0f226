"""Run Snakemake behind one live line: jobs, trainings with step and rate, percentage by planned steps, remaining time.

`python -m pipeline.workflow.progress -- snakemake -c2 TARGET`. The whole output goes to a log file; when the run fails, the
error part and the end of the failed job's own log are shown. Ctrl-C reaches Snakemake and its jobs exactly once. What
has to run is asked of Snakemake itself (a dry run first); the weight of a training is its resource `steps`.
"""

import argparse
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from pipeline.workflow.board import Board

REFRESH, PLAIN = 1.0, 15.0  # seconds between updates on a terminal / in a log
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

FAILURE = re.compile(r"^(Error in rule |\w*(?:Error|Exception)\b.*:|Error: )")
ERROR_LOG = re.compile(r"^    log: (.*?)(?: \(check log file.*)?$")


def error_part(log: str, lines: int = 25) -> str:
    """Snakemake's output from its first error on, and the end of the log of every job that failed."""
    text = log.rstrip().splitlines()
    first = next((number for number, line in enumerate(text) if FAILURE.match(line)), max(0, len(text) - lines))
    part = text[first : first + 2 * lines]
    for line in text[first:]:
        named = ERROR_LOG.match(line)
        if named and Path(named[1]).is_file():
            tail = Path(named[1]).read_text(errors="replace").rstrip().splitlines()[-lines:]
            part += ["", f"--- the end of {named[1]}", *tail]
    return "\n".join(part)


def dry_run(command: list[str]) -> list[str]:
    """The same call as a dry run; options end where `--` stands."""
    end = command.index("--") if "--" in command else len(command)
    return [*command[:end], "--dry-run", *command[end:]]


def run(command: list[str], log: Path, out: TextIO) -> int:
    """Run `command` and show its progress on `out`; the exit code of the command."""
    log.parent.mkdir(parents=True, exist_ok=True)
    child = _Child()
    previous = {number: signal.signal(number, child.stop) for number in SIGNALS}
    board = Board()
    try:
        with open(log, "w", encoding="utf-8") as file:
            print("planning ...", file=out, flush=True)
            code = child.follow(dry_run(command), file, board.plan)
            if code == 0 and not board.jobs:
                print("Nothing to be done.", file=out)
            elif code == 0 and not child.stopped:
                file.seek(0)
                file.truncate()
                screen = _Screen(board, out, child)
                code = child.follow(command, file, lambda line: board.feed(line, time.monotonic()), screen.show)
                screen.close()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if child.stopped:
        print("Stopped. Finished jobs are kept; the same command goes on from here.", file=out)
        return 130
    if code:
        print(f"{error_part(log.read_text(errors='replace'))}\n\nFailed. Everything Snakemake said: {log}", file=out)
    return code


class _Child:
    """Snakemake in a session of its own, so that a terminal's Ctrl-C reaches only us and we pass it on exactly once."""

    def __init__(self) -> None:
        self.stopped, self._process = False, None

    def stop(self, *_: object) -> None:
        """Signal handler: SIGINT to Snakemake and its jobs together; alone, Snakemake would wait for its jobs."""
        self.stopped = True
        process, self._process = self._process, None
        if process and process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)

    def follow(self, command: list[str], file: TextIO, read: Callable[[str], None], tick=lambda: None) -> int:
        """Run `command`, pass every line of its output to `file` and `read`, call `tick` in between; its exit code."""
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._process = process
        if self.stopped:
            self.stop()
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

        def pump() -> None:
            for line in process.stdout:
                lines.put(line)
            lines.put(None)

        threading.Thread(target=pump, daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=0.25)
            except queue.Empty:
                tick()
                continue
            if line is None:
                return process.wait()
            file.write(line)
            file.flush()
            read(line.rstrip("\n"))
            tick()


class _Screen:
    """One line rewritten in place on a terminal, a new line now and then elsewhere."""

    def __init__(self, board: Board, out: TextIO, child: _Child) -> None:
        self.board, self.out, self.child = board, out, child
        self.live, self.begin, self.last = out.isatty(), time.monotonic(), float("-inf")

    def show(self) -> None:
        now = time.monotonic()
        if now - self.last < (REFRESH if self.live else PLAIN):
            return
        self.last = now
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
    command = arguments.command
    if command[0] == "snakemake":
        command = [sys.executable, "-m", *command]
    log = arguments.log or Path(f".snakemake/log/{time.strftime('%Y-%m-%dT%H%M%S')}.console.log")
    return run(command, log, sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
