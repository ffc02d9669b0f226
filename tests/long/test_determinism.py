"""Two fresh clones, as unlike as two users' can be: every file that is made is the same, byte for byte."""

import collections
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.long.killing import LOG, assert_same, contents
from tests.workflow.workspace import CROSS, ENVIRONMENT, REPORT, TABLE, Workspace

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

TARGETS = [TABLE, CROSS, REPORT]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "TORCH_NUM_THREADS")
ELSEWHERE = {"PYTHONHASHSEED": "4711", "LC_ALL": "C", "LANG": "de_DE", "TZ": "Asia/Kathmandu", "COLUMNS": "40"}


@pytest.fixture(scope="module")
def origin(tmp_path_factory) -> Workspace:
    """What both have cloned, one from the other: the sources, no result."""
    workspace = Workspace.create(tmp_path_factory.mktemp("determinism") / "repo")
    workspace.change(lambda p: p["datasets"]["simcam"].update(crops={"astronaut": [80, 168, 96, 96]}))
    workspace.commit("crops")
    return workspace


def run(workspace: Workspace, cores: int, targets: list[str], environment: dict[str, str]) -> None:
    words = [sys.executable, "-m", "snakemake", "--show-failed-logs", f"-c{cores}", "--", *targets]
    environment = {**ENVIRONMENT, **environment}
    done = subprocess.run(
        words, cwd=workspace.folder, env=environment, capture_output=True, text=True, timeout=1700, umask=0o077
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_two_fresh_clones_make_the_same_bytes(origin, tmp_path):
    second = origin.clone(tmp_path / "a folder far away" / "second")
    first = second.clone(tmp_path / "first")
    run(first, 1, TARGETS, {name: "1" for name in THREADS})
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    many = {name: str(count) for count, name in enumerate(THREADS, 3)}
    run(second, 2, TARGETS[::-1], {**ELSEWHERE, **many, "HOME": str(home), "TMPDIR": str(temporary)})
    made = contents(first)
    print_kinds(made, first)
    assert_same(contents(second), made)
    again = second.clone(tmp_path / "third")
    shutil.copytree(first.folder / "results", again.folder / "results")
    assert again.plan(*TARGETS) == {}, "the receipts of one are right for the other"


def print_kinds(made: dict[str, object], workspace: Workspace) -> None:
    """How many files of which kind were compared, and which were not."""
    counts = collections.Counter(kind(path) for path in made)
    logs = sum(bool(LOG.search(path.as_posix())) for path in (workspace.folder / "results").rglob("*"))
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    print(f"\ncompared {len(made)} files: {told}; not compared: {logs} logs, and what receipts say of the machine")


def kind(path: str) -> str:
    return "*.receipt.json" if path.endswith(".receipt.json") else f"{path.split('/')[0]}/*{Path(path).suffix}"


def test_threads_are_a_setting_and_nothing_else_decides(origin):
    """The environment asks for 1, 2 and 7 threads; the job computes with those of its key."""
    code = (
        "import torch; from pipeline import reproducibility;"
        "reproducibility.prepare({'device': 'cpu', 'threads': 3, 'precision': 'fp32'}, 0);"
        "torch.randn(64, 64) @ torch.randn(64, 64); print(torch.get_num_threads())"
    )
    for count in ("1", "2", "7"):
        environment = {**os.environ, **{name: count for name in THREADS}}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=origin.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.stdout.strip() == "3", done.stderr
