"""A finished table with receipts of every file below it, in the current folder: what an audit reads, without a workflow."""

import json
import shutil
from pathlib import Path

from pipeline import files
from pipeline.audit import audit, content, numbers
from pipeline.audit.report import Report
from pipeline.jobs import table
from pipeline.provenance import job, receipts
from tests import table_examples

ROOT = Path(__file__).parents[1]
RUN = {True: ("bicubic", "source_only", "dada", "target_only"), False: ("source_only", "dada", "target_only")}
KEYS: dict[tuple, dict] = {}


def comparison(*, simulated: bool = True, seeds: tuple[int, ...] = (0,), lpips: bool = False) -> str:
    """Make a comparison with its receipts; the path of its .tex."""
    reported = Path("data/reported/dada.yaml")
    reported.parent.mkdir(parents=True)
    shutil.copy(ROOT / reported, reported)
    settings = ("real", "synthetic")
    made = table_examples.comparison(
        Path("results"), simulated=simulated, settings=settings, seeds=seeds, lpips=lpips, run=RUN[simulated]
    )
    return _finished(made)


def crossdevice(seeds: tuple[int, ...] = (0,)) -> str:
    """The same for a table of every camera's model on every camera."""
    return _finished(table_examples.crossdevice(Path("results"), seeds))


def _finished(task: job.Job) -> str:
    table.work(task)
    KEYS.clear()
    for path in task.inputs["metrics"]:
        _receipt("evaluate", {"of": str(path)}, {}, {}, {"metrics": str(path)})
    named = {name: str(paths[0]) for name, paths in task.inputs.items() if name == "reported"}
    outputs = {form: str(path) for form, path in task.outputs.items()}
    inputs = [str(path) for paths in task.inputs.values() for path in paths]
    _receipt("table", task.wildcards, task.settings, named, outputs, inputs)
    return outputs["tex"]


def _receipt(stage: str, wildcards: dict, settings: dict, named: dict, outputs: dict, inputs: list[str] = ()) -> None:
    key = {
        "kind": stage,
        "wildcards": wildcards,
        "settings": settings,
        "files": {"inputs": named, "outputs": outputs},
        "code": {"modules": ["pipeline.tables.records"], "sha256": "c"},
        "packages": None,
        "shell": "s",
    }
    KEYS[stage, files.canonical_json(wildcards)] = key
    body = {
        "key": key,
        "inputs": {path: files.sha256(path) for path in inputs},
        "outputs": {path: content(path) for path in outputs.values()},
        "run": {"host": "a-host", "cpu": "a-cpu", "python": "3.11", "commit": "c0ffee"},
    }
    files.write_json(next(iter(outputs.values())) + receipts.SUFFIX, body | {"seal": job.seal(body)})


def key_of(stage: str, wildcards: dict) -> str:
    """The key of a job as of now: that with which it ran."""
    return files.canonical_json(KEYS[stage, files.canonical_json(wildcards)])


def read(target: str) -> Report:
    """What the first door finds."""
    report = audit([target], key_of)
    for root in report.roots:
        report.tables[root] = numbers.check(report, root, key_of)
    return report


def forge(target: str) -> None:
    """Make a table's receipt fit whatever its files hold now, seal included."""
    path = f"{target}{receipts.SUFFIX}"
    body = json.loads(Path(path).read_text())
    body["outputs"] = {name: content(name) for name in body["outputs"]}
    files.write_json(path, body | {"seal": job.seal(body)})
