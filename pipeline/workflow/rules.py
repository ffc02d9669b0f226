"""What Snakemake's rules ask: keys, commands, inputs and resources as functions of wildcards, all read off the settings.

A rule tracks exactly one parameter, `key`: all settings, code and packages that the job rests on. `command` is a function
of inputs and outputs, which Snakemake does not track as a parameter, so that the shell line is the same for every rule.
"""

import hashlib
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from pipeline import files
from pipeline.adopt import checks
from pipeline.datasets import load, reds
from pipeline.errors import UserError
from pipeline.plan import figure, roles, weights
from pipeline.plan import keys as stages
from pipeline.plan import runs as plan
from pipeline.provenance import job

# The shell gets a whole line as one argument, for which Linux has room up to 128 KiB.
LONGEST = 100_000
WORDS = Path(".snakemake/words")

RUN = {name: f"{{{name}}}" for name in ("dataset", "scale", "setting", "cameras", "seed")}


class Workflow:
    """The settings of one call of Snakemake and everything that rules read off them."""

    def __init__(self, config: dict):
        self.config = config
        self.python = sys.executable
        self._keys: dict[tuple, str] = {}
        self._folders: dict[tuple, str] = {}

    @cached_property
    def patterns(self) -> dict[str, str]:
        """Wildcard constraints: a target with a name that params.yaml does not know fails at once."""
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

    def key(self, kind: str, **fixed: str) -> Callable:
        """Function of wildcards: the key of a job of this kind, as canonical JSON."""

        def key(wildcards) -> str:
            named = tuple(sorted({**dict(wildcards.items()), **fixed}.items()))
            if (kind, named) not in self._keys:
                self._keys[kind, named] = files.canonical_json(stages.key(self.config, kind, dict(named)))
            return self._keys[kind, named]

        return key

    def command(self, kind: str, folders: Callable | None = None, **fixed: str) -> Callable:
        """Function of wildcards, input and output: the job's command line, which also works by hand."""

        def command(wildcards, input, output) -> str:
            outputs = dict(output.items())
            receipt = outputs.pop("receipt")
            with _plainly():
                asked = folders(wildcards) if folders else {}
            key = self.key(kind, **fixed)(wildcards)
            _same_files(kind, json.loads(key)["files"], dict(input.items()), outputs)
            return fitting(job.words(f"pipeline.jobs.{kind}", key, dict(input.items()), outputs, receipt, asked))

        return command

    def resource(self, rule: str, name: str) -> Callable:
        """Function of wildcards: what a job of the data set's edition asks of the machine.

        Every further attempt asks for half as much memory again, at most for twice as much, and for as much more time
        where it begins anew; a training goes on from its state instead.
        """

        def asked(wildcards) -> int:
            return plan.edition(self.config, wildcards.dataset)["resources"][rule][name]

        if name == "mem_mb" or (name == "runtime" and rule != "train"):
            return lambda wildcards, attempt: asked(wildcards) * min(1 + attempt, 4) // 2
        return asked

    @property
    def retries(self) -> int:
        """How often a stopped training is started again."""
        return self.config["retries"]

    def steps(self, method: str, stage: str) -> Callable:
        """Function of wildcards: the length of a training, by which `pipeline.workflow.progress` weighs the job."""

        def steps(wildcards) -> int:
            edition = self.config["datasets"][wildcards.dataset]["edition"]
            return plan.stage_block(self.config, method, stage)["schedule"][edition]["steps"]

        return steps

    def priority(self, method: str, stage: str) -> int:
        """The earlier in a chain of trainings, the sooner: others wait for it, and a late start would leave cores idle."""
        origins = (origin.split("/") for origin in plan.stage_block(self.config, method, stage)["starts"].values())
        return min((self.priority(*origin) - 10 for origin in origins), default=100)

    def trainings(self) -> Iterable[tuple[str, str]]:
        """(method, stage) of everything that is trained."""
        return [
            (method, stage) for method, block in self.config["methods"].items() for stage in block.get("stages", {})
        ]

    def inputs(self, kind: str, **fixed: str) -> Callable:
        """Function of wildcards: name -> path or paths of everything that a job of this kind reads."""

        def inputs(wildcards) -> dict:
            with _plainly():
                return roles.inputs(self.config, kind, {**dict(wildcards.items()), **fixed})

        return inputs

    def training_outputs(self, method: str, stage: str) -> dict[str, str]:
        """Name -> path pattern, the receipt, beside the first of them, included."""
        outputs = plan.train_outputs(self.config, **RUN, method=method, stage=stage)
        return outputs | {"receipt": plan.receipt_file(next(iter(outputs.values())))}

    def figures(self, form: str) -> str:
        """Pattern of the names of figures that are written as svg or png."""
        names = [name for name, block in self.config["figures"].items() if figure.FORMATS[block["kind"]] == form]
        return _one_of(names) or "none"

    def pack_folders(self, wildcards) -> dict[str, str]:
        """Where the user's copy of a data set lies that no script can fetch; UserError says what is missing, before any job.

        A camera that is already packed does not need its folder any more.
        """
        dataset, scale = wildcards.dataset, int(wildcards.scale)
        if dataset not in self.config["adopt"]:
            return {}
        named = self.config["adopt"][dataset]
        folder = checks.place(dataset, named)
        packed = Path(plan.receipt_file(plan.manifest_file(dataset, scale, wildcards.camera))).exists()
        if not packed and (dataset, scale) not in self._folders:
            block = self.config["datasets"][dataset]
            there = plan.available(self.config, dataset)
            own = [camera for camera in there if "frames" not in block["cameras"][camera]]
            own += [wildcards.camera] if wildcards.camera not in own else []
            problem = checks.problem(dataset, named, checks.scale_read(block, scale), own)
            problem = problem or load(block["module"]).missing(folder, own, scale)
            if problem:
                raise UserError(problem)
            self._folders[dataset, scale] = folder
        return {"raw": str(folder)}

    def frames_folders(self, wildcards) -> dict[str, str]:
        """The same for a camera that has LR alone, adopted under the name of its data module."""
        block = self.config["datasets"][wildcards.dataset]["cameras"][wildcards.camera]["frames"]
        named = self.config["adopt"].get(block["module"])
        folder = checks.place(block["module"], named)
        packed = Path(plan.receipt_file(plan.manifest_file(wildcards.dataset, wildcards.scale, wildcards.camera)))
        if not packed.exists():
            problem = checks.problem(block["module"], named, None, None) or reds.missing(block, folder)
            if problem:
                raise UserError(problem)
        return {"raw": str(folder)}

    def cameras(self, frames: bool) -> str:
        """Pattern of the names of cameras that have LR alone, or of all others."""
        blocks = [item for dataset in self.config["datasets"].values() for item in dataset["cameras"].items()]
        return _one_of(name for name, block in blocks if ("frames" in block) == frames) or "none"

    def weights_folders(self, wildcards) -> dict[str, str]:
        """Where the user has pretrained files, if anywhere; UserError, before any job, for what can be had from nowhere."""
        folder = self.config["adopt"]["weights"]
        if folder and not Path(folder).is_dir():
            raise UserError(f"adopt.weights: {folder} is no folder. Name the one that holds {wildcards.file}, or null.")
        page = weights.by_file(wildcards.file)["by_hand"]
        there = folder and (Path(folder) / wildcards.file).is_file()
        if page and not there:
            raise UserError(
                f"{wildcards.file}: it lies in {page}, which no script can fetch. Open that page, put the file into "
                f"{folder or 'a folder'} under this name, and name the folder in adopt.weights."
            )
        return {"weights": folder} if folder else {}

    def fetch_folders(self, wildcards) -> dict[str, str]:
        """The same, and the settings of downloads."""
        return self.weights_folders(wildcards) | {"fetch": self.fetch_settings()}

    def fetch_settings(self) -> str:
        """The block `fetch` in a file that jobs read: no key may hold it, and --config may have changed it."""
        text = files.canonical_json(self.config["fetch"])
        path = WORDS / f"fetch-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
        if not path.exists():
            files.write_text(path, text + "\n")
        return str(path)

    def tracked_receipts(self, wildcards) -> list[str]:
        """Receipts of every training and evaluation below a table."""
        runs = plan.training_runs(self.config, wildcards.table).values()
        trained = [next(iter(plan.train_outputs(self.config, **run).values())) for run in runs]
        measured = [cell["metrics"] for cell in plan.table_cells(self.config, wildcards.table)]
        return [plan.receipt_file(path) for path in _unique(trained + measured)]


@contextmanager
def _plainly() -> Iterator[None]:
    """Snakemake would wrap a UserError into its own words and a traceback; no job has started yet."""
    try:
        yield
    except UserError as error:
        raise SystemExit(f"error: {error}") from None


def _same_files(kind: str, named: dict, inputs: dict, outputs: dict) -> None:
    """A rule must hand its job exactly the files that the job's key names; else rules/ and pipeline/plan/roles.py disagree."""
    single = {name: str(path) for name, path in inputs.items() if name in named["inputs"] or isinstance(path, str)}
    if single != named["inputs"] or {name: str(path) for name, path in outputs.items()} != named["outputs"]:
        raise SystemExit(
            f"error: rule of stage {kind}: its files are not those of pipeline/plan/roles.py; make them agree."
        )


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
    return "|".join(sorted({re.escape(value) for value in values}))


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
