"""What a receipt says about its job, in the order in which an auditor asks: settings, seed, code, packages, machine, files."""

from collections import Counter
from pathlib import Path

from pipeline import files
from pipeline.audit.cells import Number
from pipeline.audit.report import Node

MACHINE = ("host", "platform", "cpu", "cpus", "gpu", "device", "python", "slurm_job")
WHEN = ("started", "seconds", "peak_memory_mb", "commit")
HASH = "sha256"
MANIFEST = "results/manifests/"


def of(node: Node, brief: bool = False) -> dict[str, dict[str, str]]:
    """Heading -> name -> value; `brief`: without the modules and packages that others need. Versions: those installed then."""
    receipt = node.receipt
    key, run = receipt.key, receipt.run
    settings = files.flat(key["settings"])
    told = {
        "settings": settings,
        "seed": {name: value for name, value in settings.items() if name.rpartition(".")[2] == "seed"},
        "code": {HASH: key["code"]["sha256"], **run.get("modules", {})},
        "packages": _packages(key["packages"], run.get("packages", {})),
        "machine": {name: str(run[name]) for name in MACHINE if run.get(name) is not None},
        "when": {name: str(run[name]) for name in WHEN if run.get(name) is not None},
        "inputs": dict(receipt.inputs),
        "outputs": {path: entry["sha256"] for path, entry in receipt.outputs.items()},
        "manifest": _manifest(receipt.outputs),
    }
    if run.get("dirty") and run.get("commit"):
        told["when"]["commit"] += " with uncommitted changes"
    if brief:
        told["code"] = _named(told["code"], key["code"]["modules"])
        told["packages"] = _named(told["packages"], key["packages"]["names"] if key["packages"] else [])
    return {heading: values for heading, values in told.items() if values}


def _named(values: dict[str, str], names: list[str]) -> dict[str, str]:
    kept = {name: value for name, value in values.items() if name in names or name.startswith(HASH)}
    rest = len(values) - len(kept)
    return kept | ({"and": f"{rest} that they need"} if rest else {})


def values(number: Number) -> dict[str, dict[str, float]]:
    """Metrics file -> image -> the value that the number rests on; reported numbers have none."""
    found = {}
    for path, name in number.origin.fields if number.origin else ():
        metric = name.rpartition(".")[2]
        if path.endswith(".json") and Path(path).is_file():
            found[path] = {image: row[metric] for image, row in files.read_json(path)["images"].items()}
    return found


def _packages(locked: dict | None, installed: dict[str, str | None]) -> dict[str, str]:
    if not locked:
        return {}
    versions = {name: version or "not installed" for name, version in installed.items()}
    return {f"{HASH} of their lock": locked["sha256"], **versions}


def _manifest(outputs: dict) -> dict[str, str]:
    """Images per split, for a job that packs data."""
    path = next((path for path in outputs if path.startswith(MANIFEST) and Path(path).is_file()), None)
    if path is None:
        return {}
    counts = Counter(row.get("split", "?") for row in files.read_csv(path))
    return {path: ", ".join(f"{count} rows of {split}" for split, count in counts.items())}
