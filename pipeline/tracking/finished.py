"""Read finished runs from their files: receipts, settings, curves, final metrics; without MLflow and torch."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from pathlib import Path

from pipeline.errors import UserError
from pipeline.files import canonical_json, flat
from pipeline.plan.run import Run
from pipeline.provenance.receipts import SUFFIX, Receipt, read

CURE = "Restore it with git, or run snakemake: its job runs again."


@dataclass(frozen=True)
class FinishedRun:
    """A run and its receipts by their first output: the training (if the method is trained) first, then evaluations."""

    place: Run
    receipts: dict[str, Receipt]

    @property
    def output(self) -> str:
        """Output that names the run: its generator, or the first metrics file of a method without training."""
        return next(iter(self.receipts))

    @property
    def main(self) -> Receipt:
        """Receipt of `output`."""
        return self.receipts[self.output]

    @cached_property
    def identity(self) -> str:
        """SHA-256 over key, inputs and outputs of all its receipts, without machine, commit and time."""
        parts = ("key", "inputs", "outputs")
        return _sha256([{name: getattr(receipt, name) for name in parts} for receipt in self.receipts.values()])

    def params(self) -> dict[str, str]:
        """Wildcards and settings of the key, flattened to dotted names."""
        return flat(self.main.key["wildcards"]) | flat(self.main.key["settings"])

    def curves(self) -> Iterator[tuple[str, float, int]]:
        """(term, value, step) for every line of the history; UserError if the history is not the file that its job wrote."""
        path = f"{self.place.folder}/history.jsonl"
        if path not in self.main.outputs:
            return
        for number, line in enumerate(_content(path, self.main).splitlines(), 1):
            try:
                terms = dict(json.loads(line))
                step = int(terms.pop("step"))
            except (ValueError, TypeError, KeyError) as error:
                raise UserError(f"{path}, line {number}: not a JSON object with 'step'. Repeat the run.") from error
            yield from ((term, value, step) for term, value in terms.items() if isinstance(value, int | float))

    def finals(self) -> Iterator[tuple[str, float, int]]:
        """(test/{camera}/{metric}, mean, 0) of every evaluation; UserError for a metrics file that its job did not write."""
        for path, receipt in self.receipts.items():
            if receipt.key["kind"] != "evaluate":
                continue
            metrics = json.loads(_content(path, receipt))
            for metric, value in metrics["mean"].items():
                if value is not None:
                    yield f"test/{metrics['camera']}/{metric}", value, 0

    def tags(self, simulated: bool) -> dict[str, str]:
        """Origin of the run and hashes of its outputs, without the tag `pipeline.receipt`."""
        about = self.main.run
        tags = {
            "pipeline.output": self.output,
            "pipeline.folder": self.place.folder,
            "pipeline.key": _sha256(self.main.key),
            "pipeline.host": str(about.get("host")),
            "pipeline.uncommitted_changes": str(about.get("dirty")).lower(),
            "mlflow.source.name": f"pipeline.jobs.{self.main.key['kind']}",
            "mlflow.source.git.commit": str(about.get("commit")),
        }
        if simulated:
            tags["pipeline.note"] = "simulated cameras: not comparable with numbers of real ones"
        outputs = chain.from_iterable(receipt.outputs.items() for receipt in self.receipts.values())
        return tags | {f"dvc.md5/{Path(path).name}": entry["md5"] for path, entry in outputs}

    def times(self) -> tuple[int, int]:
        """(begin, end) in milliseconds since 1970."""
        about = self.main.run
        begin = round(datetime.fromisoformat(about["started"]).timestamp() * 1000)
        return begin, begin + round(1000 * about.get("seconds", 0))


def collect(receipts: list[Path]) -> list[FinishedRun]:
    """Group receipts by run folder. All evaluations in a run's folder belong to it, whichever table asked for them.

    UserError names every receipt, history and metrics file that is not what its job wrote.
    """
    runs, problems = [], []
    for folder in sorted({path.parent for path in receipts}):
        try:
            runs.append(_run(folder, {path for path in receipts if path.parent == folder}))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join([*problems, "No run was sent to MLflow."]))
    return runs


def _run(folder: Path, listed: set[Path]) -> FinishedRun:
    place = Run.of(folder)
    paths = [path.as_posix() for path in sorted({*folder.glob(f"*{SUFFIX}"), *listed})]
    receipts = {path.removesuffix(SUFFIX): read(path) for path in paths}
    changed = [receipt.path for receipt in receipts.values() if not receipt.sealed]
    if changed:
        raise UserError(f"{', '.join(changed)}: changed after its job wrote it. {CURE}")
    trained, evaluated = (
        {output: receipt for output, receipt in receipts.items() if receipt.key["kind"] == kind}
        for kind in ("train", "evaluate")
    )
    if len(trained) > 1 or not trained | evaluated:
        raise UserError(f"{folder}: holds {len(trained)} training receipts, expected one. Run `make audit`.")
    run = FinishedRun(place, trained | evaluated)
    # Read everything once before anything is sent, so that no run is sent in part.
    for _ in chain(run.curves(), run.finals()):
        pass
    return run


def _content(path: str, receipt: Receipt) -> str:
    """The text of an output; UserError if it is missing or its hash is not that of the receipt."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{path}: missing, but {receipt.path} names it. {CURE}") from error
    expected, actual = receipt.outputs[path]["sha256"], hashlib.sha256(data).hexdigest()
    if actual != expected:
        raise UserError(f"{path}: not what its job wrote (sha256 {expected[:12]} -> {actual[:12]}). {CURE}")
    return data.decode()


def _sha256(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
