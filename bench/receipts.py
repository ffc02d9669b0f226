"""What receipts cost: `python -m bench.receipts 900 5000` times dry runs with and without them, and the audit.

The tiny edition, run once with one seed; then its runs are written again under as many seeds as make that many jobs,
each with the receipt that its job would have left. Tables are made by Snakemake, as always.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.workflow.workspace import CROSS, ENVIRONMENT, TABLE, Workspace

CALL = "if workflow.is_main_process:"
JOBS_PER_SEED = 9
# Run in the workspace, with its code and its settings.
MULTIPLY = """
import shutil, sys
from pathlib import Path
from pipeline import files
from pipeline.provenance import job, receipts
from pipeline.plan import cells, keys, params
from pipeline.plan.run import Run

now = params.load("params.yaml")
known, told = {}, receipts.collect().receipts
tables = ("dada_simcam", "dada_simcam_crossdevice")
work = [("train", run) for table in tables for run in cells.training_runs(now, table).values()]
for table in tables:
    for cell in cells.table_cells(now, table):
        run = Run.of(cell["metrics"])
        if run.stage:
            wildcards = {name: str(value) for name, value in vars(run).items()}
            work.append(("evaluate", wildcards | {"camera": cell["target"]}))
for stage, wildcards in work:
    first, *_ = outputs = list(keys.kind(stage).outputs(now, wildcards).values())
    old = {path: path.replace(f"/seed{wildcards['seed']}/", "/seed0/") for path in outputs}
    receipt = told[f"{old[first]}.receipt.json"]
    if wildcards["seed"] == "0":
        continue
    for path in outputs:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(old[path], path)
    key = keys.key(now, stage, wildcards)
    inputs = {path.replace("/seed0/", f"/seed{wildcards['seed']}/"): value for path, value in receipt.inputs.items()}
    content = {"key": key, "inputs": inputs, "run": receipt.run}
    content["outputs"] = {path: receipt.outputs[old[path]] for path in outputs}
    content["seal"] = job.seal(content)
    Path(f"{first}.receipt.json").write_text(files.canonical_json(content))
"""


class Cost(NamedTuple):
    """Seconds that passed, seconds of one core, peak memory in MiB."""

    wall: float
    cpu: float
    memory: float

    def __str__(self) -> str:
        return f"{self.wall:7.1f} {self.cpu:7.1f} {self.memory:6.0f}"


def finished(folder: Path) -> Workspace:
    """The tiny edition after one complete run."""
    workspace = Workspace.create(folder)
    workspace.snakemake("-c2", "--", TABLE, CROSS)
    return workspace


def multiplied(small: Workspace, folder: Path, seeds: int) -> Workspace:
    """A copy with the runs of so many seeds, the tables made of all of them."""
    shutil.copytree(small.folder, folder, symlinks=True)
    workspace = Workspace(folder)

    def more(params: dict) -> None:
        for name in ("dada_simcam", "dada_simcam_crossdevice"):
            params["tables"][name]["seeds"] = list(range(seeds))

    workspace.change(more)
    workspace.python("-c", MULTIPLY)
    workspace.snakemake("-c1", "--", TABLE, CROSS)
    workspace.git("config", "gc.auto", "0")  # git would tidy up in the background, in the middle of what is measured
    workspace.commit("results")
    return workspace


def cost(workspace: Workspace, *words: str, code: int = 0, told: str = "") -> Cost:
    """What one program costs; it has to end with `code` and to say `told`."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as stream:
        command = [sys.executable, "-m", *words]
        child = subprocess.Popen(command, cwd=workspace.folder, env=ENVIRONMENT, stdout=stream, stderr=stream)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        stream.seek(0)
        said = stream.read()
    assert child.returncode == code and told in said, said[-3000:]
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**10)


def without_receipts(workspace: Workspace) -> None:
    """Leave Snakemake to its own records."""
    path = workspace.folder / "Snakefile"
    text = path.read_text()
    assert text.count(CALL) == 1
    path.write_text(text.replace(CALL, "if False:"))


def measure(workspace: Workspace) -> dict[str, Cost]:
    """What -> cost, of dry runs with and without receipts and of the audit."""
    plan, snakefile = ("snakemake", "-n", "-q", "all", "--", TABLE, CROSS), workspace.folder / "Snakefile"
    nothing = ("snakemake", "-n", "--", TABLE, CROSS)
    whole, cache = snakefile.read_text(), workspace.folder / ".snakemake"
    costs = {}

    def both(what: str, *words: str, told: str = "") -> None:
        costs[f"{what}, with receipts"] = cost(workspace, *words, told=told)
        without_receipts(workspace)
        costs[f"{what}, without"] = cost(workspace, *words)
        snakefile.write_text(whole)

    time.sleep(3)  # hashes of files younger than two seconds are not remembered
    workspace.snakemake("-n", "--", TABLE, CROSS)
    both("nothing to do", *nothing, told="Nothing to be done")
    shutil.rmtree(cache)
    costs["nothing to do, no .snakemake (as in a clone), with receipts"] = cost(
        workspace, *nothing, told="Nothing to be done"
    )
    workspace.change(lambda p: p["methods"]["dada"]["stages"]["adapt"]["loss"]["code"].update(adversarial_weight=0.5))
    costs["one setting changed, with receipts"] = cost(workspace, *plan)
    workspace.git("checkout", "-q", "params.yaml", "params")
    costs["audit of one table"] = cost(workspace, "pipeline.audit", TABLE)
    for place in ("results", "data/packed", ".snakemake"):
        shutil.rmtree(workspace.folder / place)
    both("everything to do", *plan)
    return costs


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.receipts", description=__doc__)
    parser.add_argument("jobs", nargs="+", type=int, help="about how many jobs")
    with tempfile.TemporaryDirectory(prefix="overhead") as folder:
        small = finished(Path(folder) / "small")
        for jobs in parser.parse_args().jobs:
            workspace = multiplied(small, Path(folder) / f"{jobs}", seeds=max(1, round(jobs / JOBS_PER_SEED)))
            count = sum(1 for _ in workspace.folder.rglob("*.receipt.json"))
            print(f"{count} jobs{'':49} wall s   CPU s    MiB", flush=True)
            for what, found in measure(workspace).items():
                print(f"  {what:58}{found}", flush=True)


if __name__ == "__main__":
    main()
