"""Ask the code, before the first job, whether it takes the settings: loss weights, network arguments, recipes, metrics.

Only a process with torch can ask (`pipeline.training.check`), so it runs beside the planning, and only when settings or
code changed since the last check that found nothing.
"""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline import files
from pipeline.errors import UserError
from pipeline.plan.nodes import Node
from pipeline.provenance import environment, fingerprint

CHECKED = Path(".snakemake/checked_settings")
MODULE = "pipeline.training.check"


def questions(params: dict) -> dict[str, list[dict]]:
    """Everything that jobs would build from the settings, each with its place in them."""
    return {
        **_of_stages(params),
        "networks": list(_networks(params)),
        "metrics": [
            {"place": f"editions.{name}.evaluate.metrics", "name": metric}
            for name, edition in params["editions"].items()
            for metric in edition["evaluate"]["metrics"]
        ]
        + [{"place": f"metrics.{name}", "name": name} for name in params["metrics"]],
        "recipes": [
            {
                "place": f"datasets.{dataset}.cameras.{camera}.recipes.{scale}",
                "module": block["module"],
                "recipe": recipe,
            }
            for dataset, block in params["datasets"].items()
            for camera, own in block["cameras"].items()
            for scale, recipe in own.get("recipes", {}).items()
        ],
    }


def _of_stages(params: dict) -> dict[str, list[dict]]:
    """Losses of every preset, and schedules of every edition, of every stage."""
    losses, schedules = [], []
    for name, method in params["methods"].items():
        for stage, block in method.get("stages", {}).items():
            place, owner = f"methods.{name}.stages.{stage}", {"method": method.get("module", name), "stage": stage}
            losses += [{"place": f"{place}.loss.{key}", **owner, "loss": loss} for key, loss in block["loss"].items()]
            schedules += [
                {"place": f"{place}.schedule.{key}", **owner, "schedule": schedule}
                for key, schedule in block["schedule"].items()
            ]
    return {"losses": losses, "schedules": schedules}


def _networks(params: dict) -> Iterator[dict]:
    """Networks of every edition at every scale of its tables, and those of methods without training."""
    tables = params["tables"].values()
    asked = {(params["datasets"][table["dataset"]]["edition"], table["scale"]) for table in tables}
    for edition, scale in sorted(asked):
        for role, spec in params["editions"][edition]["networks"].items():
            yield {"place": f"editions.{edition}.networks.{role}", "spec": spec, "scale": scale}
    for name, block in params["methods"].items():
        if "network" in block:
            yield {"place": f"methods.{name}.network", "spec": {"name": block["network"]}, "scale": 2}


class EarlyCheck:
    """One check, started when it is made; `finish` waits for it."""

    def __init__(self, params: dict):
        asked = questions(params)
        folder = fingerprint.PACKAGE
        # Modules that the settings name; a name without a module is the check's to refuse.
        named = {f"methods.{entry['method']}" for entry in asked["losses"] + asked["schedules"]}
        named |= {f"models.{entry['spec']['name']}" for entry in asked["networks"]}
        named |= {f"datasets.{entry['module']}" for entry in asked["recipes"]}
        modules = [f"pipeline.{name}" for name in named if (folder / f"{name.replace('.', '/')}.py").is_file()]
        asked, code = files.canonical_json(asked), fingerprint.code(MODULE, *sorted(modules))
        packages = environment.packages_hash(environment.LOCK, ["torch"])
        self.hash = hashlib.sha256(f"{asked}{code}{packages}".encode()).hexdigest()
        self.process = None
        if not (CHECKED.is_file() and CHECKED.read_text(encoding="utf-8") == self.hash):
            with tempfile.TemporaryFile() as file:
                file.write(asked.encode())
                file.seek(0)
                command = [sys.executable, "-m", MODULE]
                self.process = subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, cwd=folder.parent)

    def finish(self, places: Callable[[], Node]) -> None:
        """Raise UserError with every setting that the code does not take; `places`: the settings with files and lines."""
        if self.process is None:
            return
        lines = self.process.stdout.read().decode().splitlines()
        if self.process.wait():
            raise UserError(f"python -m {MODULE} ended with an error (above), so the settings could not be checked.")
        if lines:
            node = places()
            # `methods.dada.stages.adapt.loss.code: loss.weight: …`: the value itself, where it has a line of its own.
            paths = [[*(parts := line.split(": "))[0].split("."), *parts[1].split(".")[1:]] for line in lines]
            raise UserError(
                "\n".join(f"{node.nearest(path).place}: {line}" for path, line in zip(paths, lines, strict=True))
            )
        files.write_text(CHECKED, self.hash)
