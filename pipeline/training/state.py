"""What a training run keeps on disk while it is under way: state.pt, the history so far, progress; undeclared to Snakemake."""

import json
import os
import pickle
import time
from pathlib import Path

import torch

from pipeline import files
from pipeline.errors import UserError

NAMES = ("state.pt", "history.partial.jsonl", "progress.json")


class RunFiles:
    """The undeclared files of one run folder. A state is only ever continued under the stamp that wrote it."""

    def __init__(self, folder: Path, stamp: str):
        self.stamp = stamp
        self.state, self.history, self.progress = (folder / name for name in NAMES)
        self._told = 0.0

    def save(self, step: int, content: dict) -> None:
        """Write the state of a finished step as a whole file, with the length that the history has now."""
        with open(self.history, "ab") as stream:
            os.fsync(stream.fileno())
            length = stream.tell()
        with files.atomic(self.state) as temporary:
            torch.save({"stamp": self.stamp, "step": step, "history": length, **content}, temporary)

    def load(self, device: torch.device) -> dict | None:
        """The saved state, the history cut back to it; None (and an empty history) when there is none to continue."""
        for path in (self.state, self.progress):
            files.remove_temporaries(path)
        state = self._read(device)
        self.history.parent.mkdir(parents=True, exist_ok=True)
        with open(self.history, "ab") as stream:
            stream.truncate(state["history"] if state else 0)
        return state

    def _read(self, device: torch.device) -> dict | None:
        if not self.state.exists():
            return None
        try:
            state = torch.load(self.state, map_location=device, weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError) as error:
            # What torch says of a foreign file is advice to load it without care.
            told = "it holds something else" if isinstance(error, pickle.UnpicklingError) else error
            raise UserError(f"{self.state}: cannot be read ({told}). Delete it to train this run anew.") from error
        if state["stamp"] != self.stamp:
            print(f"{self.state} was written under other settings, code or inputs: training starts anew.", flush=True)
            return None
        if not self.history.exists() or self.history.stat().st_size < state["history"]:
            print(f"{self.history} is shorter than {self.state} says: training starts anew.", flush=True)
            return None
        return state

    def log(self, row: dict) -> None:
        """Append one line of JSON to the history."""
        with open(self.history, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")

    def tell(self, step: int, steps: int, rate: float) -> None:
        """Say how far the run is, at most once a second, for whoever watches."""
        if time.monotonic() - self._told > 1:
            self._told = time.monotonic()
            files.write_json(self.progress, {"step": step, "steps": steps, "rate": round(rate, 3)})


def remove(folder: Path) -> None:
    """The run of this folder is complete: nothing undeclared stays."""
    for name in NAMES:
        (folder / name).unlink(missing_ok=True)
