"""What Snakemake's rules ask of the plan: keys, commands, files and resources, as functions of wildcards.

A rule tracks exactly one parameter, `key`: all settings, code and packages that the job rests on. `command` is a function
of inputs and outputs, which Snakemake does not track as a parameter.
"""

import hashlib
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from pipeline import files
from pipeline.errors import UserError
from pipeline.plan import cells, domains, figure, generators, keys, paths, train, weights
from pipeline.provenance import job

# The shell gets a whole line as one argument, for which Linux has room up to 128 KiB.
LONGEST = 100_000
WORDS = Path(".snakemake/words")


class Workflow:
    """The settings of one call of Snakemake and everything that rules read off them."""

    def __init__(self, config: dict):
        self.config = config
        self.python = sys.executable
        self._keys: dict[tuple, str] = {}

    @cached_property
    def patterns(self) -> dict[str, str]:
        """Wildcard constraints: a target with a name that the settings do not know fails at once."""
        config = self.config
        camera = _one_of(camera for block in config["datasets"].values() for camera in block["cameras"])
        return {
            "dataset": _one_of(config["datasets"]),
            "scale": r"\d+",
            "setting": "real|synthetic",
            "camera": camera,
            "cameras": f"({camera})(-({camera}))?",
            "method": _one_of(config["methods"]),
            "stage": _one_of(stage for block in config["methods"].values() for stage in block.get("stages", {})),
            "seed": r"\d+",
            "table": _one_of(config["tables"]),
            "report": _one_of(config["reports"]),
            "paper": _one_of(config["papers"]),
            "figure": _one_of(config["figures"]),
            "file": _one_of(weights.entry(name)["file"] for name in weights.names()),
            "source": "[a-z][a-z0-9_]*",
        }

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind of job that leaves a receipt."""
        return keys.kinds()

    def inputs(self, kind: str, **fixed: str) -> Callable:
        """Function of wildcards: name -> path or paths of everything that a job of this kind reads."""

        def inputs(wildcards) -> dict:
            with _plainly():
                return keys.kind(kind).inputs(self.config, {**dict(wildcards.items()), **fixed})

        return inputs

    def outputs(self, kind: str, without: Iterable[str] = (), **fixed: str) -> dict[str, str]:
        """Name -> path pattern of what a job of this kind writes, and of its receipt; `without`: wildcards it lacks."""
        own = keys.kind(kind)
        wildcards = {name: f"{{{name}}}" for name in own.wildcards if name not in without} | fixed
        outputs = own.outputs(self.config, wildcards)
        return outputs | {"receipt": paths.receipt_file(next(iter(outputs.values())))}

    def key(self, kind: str, **fixed: str) -> Callable:
        """Function of wildcards: the key of a job of this kind, as canonical JSON."""

        def key(wildcards) -> str:
            named = tuple(sorted({**dict(wildcards.items()), **fixed}.items()))
            if (kind, named) not in self._keys:
                self._keys[kind, named] = files.canonical_json(keys.key(self.config, kind, dict(named)))
            return self._keys[kind, named]

        return key

    def command(self, kind: str, folders: Callable[[dict, dict], dict] | None = None, **fixed: str) -> Callable:
        """Function of wildcards, input and output: the job's command line, which also works by hand.

        `folders`: function of settings and wildcards, see `pipeline.workflow.folders`.
        """

        def command(wildcards, input, output) -> str:
            outputs = dict(output.items())
            receipt = outputs.pop("receipt")
            named = {**dict(wildcards.items()), **fixed}
            with _plainly():
                asked = folders(self.config, named) if folders else {}
                options = keys.kind(kind).options(self.config, named)
            key = self.key(kind, **fixed)(wildcards)
            module = f"pipeline.jobs.{kind}"
            return fitting(job.words(module, key, dict(input.items()), outputs, receipt, asked, options))

        return command

    def resources(self, kind: str) -> dict[str, int | Callable]:
        """Resource -> what a job of this kind asks of the machine: numbers, or functions of wildcards and attempt.

        Every further attempt asks for half as much memory again, at most for twice as much, and for as much more time
        where it begins anew; a training goes on from its state instead.
        """
        asked = keys.kind(kind).resources
        if isinstance(asked, dict):
            return asked

        def of(name: str) -> Callable:
            def size(wildcards) -> int:
                return domains.edition(self.config, wildcards.dataset)["resources"][asked][name]

            if name == "mem_mb" or (name == "runtime" and kind != "train"):
                return lambda wildcards, attempt: size(wildcards) * min(1 + attempt, 4) // 2
            return size

        names = ("runtime", "mem_mb", "cpus_per_task") + (("gpu",) if asked != "pack" else ())
        return {name: of(name) for name in names}

    def threads(self, kind: str) -> int | Callable:
        """How many cores a job of this kind keeps busy."""
        return self.resources(kind)["cpus_per_task"]

    @property
    def retries(self) -> int:
        """How often a stopped training is started again."""
        return self.config["retries"]

    def steps(self, method: str, stage: str) -> Callable:
        """Function of wildcards: the length of a training, by which `pipeline.workflow.progress` weighs the job."""
        return lambda wildcards: train.steps(self.config, {**dict(wildcards.items()), "method": method, "stage": stage})

    def priority(self, method: str, stage: str) -> int:
        """The earlier in a chain of trainings, the higher."""
        return train.priority(self.config, method, stage)

    def trainings(self) -> list[tuple[str, str]]:
        """(method, stage) of everything that is trained."""
        return [
            (method, stage) for method, block in self.config["methods"].items() for stage in block.get("stages", {})
        ]

    def figures(self, form: str) -> str:
        """Pattern of the names of figures that are written as svg or png."""
        return _one_of(name for name, block in self.config["figures"].items() if figure.FORMATS[block["kind"]] == form)

    def cameras(self, frames: bool) -> str:
        """Pattern of the names of cameras that have LR alone, or of all others."""
        blocks = [item for dataset in self.config["datasets"].values() for item in dataset["cameras"].items()]
        return _one_of(name for name, block in blocks if ("frames" in block) == frames)

    def fetch_settings(self) -> str:
        """The block `fetch` in a file for the rule of the same name: --config may have changed it."""
        text = files.canonical_json(self.config["fetch"])
        path = WORDS / f"fetch-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
        if not path.exists():
            files.write_text(path, text + "\n")
        return str(path)

    def tracked_receipts(self, wildcards) -> list[str]:
        """Receipts of every training and evaluation below a table."""
        runs = cells.training_runs(self.config, wildcards.table).values()
        trained = [next(iter(train.outputs(self.config, run).values())) for run in runs]
        measured = [cell["metrics"] for cell in cells.table_cells(self.config, wildcards.table)]
        return [paths.receipt_file(path) for path in dict.fromkeys(trained + measured)]


# Where a training, or a method without one, keeps what is made with its generator.
FOLDER = generators.folder({name: f"{{{name}}}" for name in generators.WILDCARDS})
UNTRAINED = generators.folder(
    {name: f"{{{name}}}" for name in generators.WILDCARDS if name not in generators.OF_TRAINING}
)


@contextmanager
def _plainly() -> Iterator[None]:
    """Snakemake would wrap a UserError into its own words and a traceback; no job has started yet."""
    try:
        yield
    except UserError as error:
        raise SystemExit(f"error: {error}") from None


def fitting(words: list[str]) -> str:
    """A shell line that the system takes: the words of a longer one, as of a table of a thousand cells, stand in a file."""
    line = shlex.join(words)
    if len(line.encode()) <= LONGEST:
        return line
    path = WORDS / f"{hashlib.sha256(line.encode()).hexdigest()[:16]}.txt"
    if not path.exists():
        files.write_text(path, "\n".join(words[3:]) + "\n")
    return shlex.join([*words[:3], f"@{path}"])


def _one_of(values: Iterable[str]) -> str:
    """Pattern of these names; for no names one that fits nothing that is asked for."""
    return "|".join(sorted({re.escape(value) for value in values})) or "none"
