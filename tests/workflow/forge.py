"""What tests of the audit's doors need: forgeries that no hash can see, the doors themselves, the state of a workspace."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline import audit, files
from pipeline.provenance import receipts
from pipeline.provenance.job import seal
from tests.workflow.workspace import Workspace


def reseal(folder: Path, path: str, edit: Callable[[dict], None]) -> None:
    """Change the receipt of `path` and seal it again."""
    place = folder / f"{path}{receipts.SUFFIX}"
    content = json.loads(place.read_text(encoding="utf-8"))
    edit(content)
    files.write_json(place, content | {"seal": seal(content)})


def forge(folder: Path, path: str, content: bytes) -> None:
    """Write other bytes into the first output of a job and let its receipt say that the job wrote them.

    What rests on it is made again by the next call of snakemake, so that every receipt holds.
    """
    (folder / path).write_bytes(content)
    entry = audit.content(str(folder / path))
    reseal(folder, path, lambda receipt: receipt["outputs"].update({path: entry}))


def forge_value(folder: Path, path: str, image: str, metric: str, more: float) -> None:
    """Add to one value of a metrics file; its mean follows from it, as it would from an honest one."""
    metrics = json.loads((folder / path).read_text(encoding="utf-8"))
    metrics["images"][image][metric] += more
    values = [row[metric] for row in metrics["images"].values()]
    metrics["mean"][metric] = float(np.mean(values))
    forge(folder, path, json.dumps(metrics).encode())


def state(workspace: Workspace) -> dict:
    """Every file and its hash, and what git knows, but for caches."""
    paths = [path for path in workspace.folder.rglob("*") if path.is_file()]
    parts = [(path, path.relative_to(workspace.folder).parts) for path in paths]
    kept = [path for path, names in parts if names[0] not in (".git", ".snakemake") and "__pycache__" not in names]
    git = [workspace.git(*words) for words in (["status", "--porcelain"], ["worktree", "list"], ["show-ref", "--head"])]
    return {str(path): files.sha256(path) for path in kept} | {"git": git}


def door(workspace: Workspace, *words: str, code: int) -> str:
    """What a door says; it must end with that exit code."""
    done = workspace.python("-m", "pipeline.audit", "--door", *words, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr
