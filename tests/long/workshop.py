"""A finished workspace to be changed in one place, and what a change of it is."""

import json
import random
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.workflow.workspace import ENVIRONMENT

RECEIPT = ".receipt.json"


@dataclass(frozen=True)
class Mutation:
    """Path -> new bytes (None: removed), and every word that must be in what the audit says."""

    kind: str
    files: dict[str, bytes | None]
    named: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind}: {', '.join(self.files)} ({' | '.join(self.named)})"


class Workshop:
    """The files of a finished workspace, by kind, and a source of chance."""

    def __init__(self, folder: Path, seed: int):
        self.folder, self.chance = folder, random.Random(seed)
        found = [
            path.relative_to(folder).as_posix() for place in ("results", "data") for path in _below(folder / place)
        ]
        self.tables = [path.removesuffix(".tex") for path in found if path.endswith(".tex")]
        self.receipts = [path for path in found if path.endswith(RECEIPT) and "/report/" not in path]
        outputs = {path for receipt in self.receipts for path in json.loads(self.read(receipt))["outputs"]}
        self.networks = sorted(path for path in outputs if re.search(r"/(generator|downsampler)\.safetensors$", path))
        self.samples = sorted(path for path in outputs if "/samples_" in path)
        self.packed = sorted(path for path in outputs if path.startswith("data/packed/"))
        self.metrics = sorted(path for path in outputs if "/metrics_" in path)
        self.histories = sorted(path for path in outputs if path.endswith("history.jsonl"))
        self.manifests = sorted(path for path in outputs if path.startswith("results/manifests/"))

    def read(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()

    def text(self, path: str) -> str:
        return self.read(path).decode()

    def audit(self, folder: Path, *words: str) -> tuple[int, str]:
        """Exit code of an audit of all tables in a copy of the workspace, and all that it says."""
        command = [
            sys.executable,
            "-m",
            "pipeline.audit",
            *words,
            *(f"{table}.tex" for table in self.tables),
            *self.samples,
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=ENVIRONMENT, timeout=240)
        return done.returncode, done.stdout + done.stderr

    def missed(self, mutation: "Mutation", folder: Path) -> str | None:
        """What an audit of the copy does not find of a change, None if it names it; the copy is as before afterwards."""
        for path, content in mutation.files.items():
            if content is None:
                (folder / path).unlink()
            else:
                (folder / path).write_bytes(content)
        code, said = self.audit(folder, "--no-page")
        for path in mutation.files:
            (folder / path).write_bytes(self.read(path))
        # Not the tree, in which every path stands, but the list of what is wrong, or the one message.
        complaints = said.partition("what does not hold:")[2] or said
        lacking = [word for word in mutation.named if word not in complaints]
        if code == 1 and not lacking and "Traceback" not in said:
            return None
        return f"{mutation}\n  exit code {code}, not named: {', '.join(lacking) or 'nothing'}\n{said[-2000:]}"

    def draw(self, kind: str, make: "Callable[[Workshop], Made]", count: int) -> list[Mutation]:
        """So many different changes of one kind."""
        drawn: dict[tuple, Mutation] = {}
        for _ in range(50 * count):
            made = make(self) if len(drawn) < count else None
            if made is not None:
                files, named = made
                drawn.setdefault(tuple(files.items()), Mutation(kind, files, named))
        assert len(drawn) == count, f"{kind}: only {len(drawn)} different changes of {count}"
        return list(drawn.values())


Made = tuple[dict[str, bytes | None], tuple[str, ...]] | None


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
