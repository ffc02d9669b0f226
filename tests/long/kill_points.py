"""One job, killed at every kind of contact with the disk: `python kill_points.py MODULE WORDS…` in the top folder of a workspace.

First the job runs undisturbed: its outputs are what is right, and every flush, rename and removal it makes is noted.
Then, for each of them, before and after: the job is killed there (before a flush half of the file is cut off, as if it
had been killed while it wrote), what is left is looked at, and the job runs again. One line of JSON for each.
"""

import contextlib
import hashlib
import importlib
import json
import os
import random
import re
import runpy
import signal
import sys
from pathlib import Path

CALLS = ("fsync", "replace", "unlink")
OWN = re.compile(r"\.\d+\.tmp$")
LAST = re.compile(r"^continued after step (\d+)$", re.MULTILINE)
OUT = Path("kill_points.out")


def patch(contact) -> None:
    """Call `contact(moment, name of the call, file)` before and after every call for a file of the workspace."""
    here = Path.cwd()
    for name in CALLS:
        original = getattr(os, name)

        def call(first, *others, original=original, name=name, **options):
            path = Path(f"/proc/self/fd/{first}").readlink() if isinstance(first, int) else Path(first)
            ours = here in path.absolute().parents
            if ours:
                contact("before", name, path)
            result = original(first, *others, **options)
            if ours:
                contact("after", name, path)
            return result

        setattr(os, name, call)


def attempt(module: str, words: list[str], contact=None) -> int:
    """Run the job in a child of its own; its exit code, negative when it was killed."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        with open(OUT, "w") as stream, contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            sys.modules.pop(module, None)
            sys.argv = [module, *words]
            if contact:
                patch(contact)
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            code = 0
    except SystemExit as error:
        code = error.code
    finally:
        os._exit(code)


def hashes(outputs: list[str]) -> dict[str, str]:
    return {path: hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in outputs if Path(path).exists()}


def saved(outputs: list[str]) -> int:
    """Step of a training's saved state."""
    path = Path(outputs[0]).with_name("state.pt")
    if not path.exists():
        return 0
    import torch

    return torch.load(path, weights_only=True)["step"]


def options(words: list[str], name: str) -> list[str]:
    return [words[index + 1] for index, word in enumerate(words) if word == name]


def label(moment: str, call: str, path: Path) -> str:
    return f"{moment} {call} {OWN.sub('.tmp', path.name)}"


def main() -> None:
    """Command line."""
    sys.path.insert(0, "")
    module, *words = sys.argv[1:]
    outputs = [value.partition("=")[2] for value in options(words, "--output")]
    receipt = Path(options(words, "--receipt")[0])
    # What the job imports, once for all its attempts.
    importlib.import_module(module)
    for path in [*outputs, receipt]:
        Path(path).unlink(missing_ok=True)
    noted = Path("kill_points.noted")
    noted.unlink(missing_ok=True)

    def note(*contact) -> None:
        with open(noted, "a") as stream:
            stream.write(label(*contact) + "\n")

    assert attempt(module, words, note) == 0, OUT.read_text()
    right, around = hashes(outputs), {path.name for path in receipt.parent.iterdir()}
    labels = noted.read_text().splitlines()
    assert len(right) == len(outputs)
    for asked in dict.fromkeys(labels):
        # One of several of its kind, by chance: of all states that are saved, say, the second. How often progress is told
        # depends on the clock.
        several = 1 if "progress" in asked else labels.count(asked)
        skip = [random.Random(asked).randrange(several)]

        def kill(*contact, asked=asked, skip=skip) -> None:
            if label(*contact) != asked:
                return
            if skip[0]:
                skip[0] -= 1
                return
            if contact[:2] == ("before", "fsync") and contact[2].exists():
                os.truncate(contact[2], contact[2].stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

        for path in [*outputs, receipt]:
            Path(path).unlink(missing_ok=True)
        code = attempt(module, words, kill)
        there, speaks, step = hashes(outputs), receipt.exists(), saved(outputs)
        torn = [path for path in there if there[path] != right[path]]
        again = attempt(module, words)
        continued = LAST.findall(OUT.read_text())
        left = sorted({path.name for path in receipt.parent.iterdir()} - around)
        row = {
            "killed": code == -signal.SIGKILL,
            "torn": torn,
            "speaks": speaks,
            "whole": there == right,
            "again": again,
        }
        row |= {"saved": step, "continued": int(continued[0]) if continued else 0, "same": hashes(outputs) == right}
        print(json.dumps({"point": asked, **row, "left": left}), flush=True)


if __name__ == "__main__":
    main()
