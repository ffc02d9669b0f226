"""Ask the code, before the first job, whether it takes the settings: loss weights, network arguments, recipes, metrics.

Only a process with torch can ask (`pipeline.training.check`), so it runs beside the planning, and only when settings or
code changed since the last check that found nothing.
"""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline import files
from pipeline.errors import UserError
from pipeline.provenance import environment, fingerprint

CHECKED = Path(".snakemake/checked_settings")
MODULE = "pipeline.training.check"


def questions(params: dict) -> dict[str, list[dict]]:
    """Everything that jobs would build from the settings, each with its place in them."""
    return {
        "stages": list(_stages(params)),
        "metrics": [
            {"place": f"editions.{name}.evaluate.metrics", "name": metric}
            for name, edition in params["editions"].items()
            for metric in edition["evaluate"]["metrics"]
        ]
        + [{"place": "metrics", "name": name} for name in params["metrics"]],
        "networks": [
            {"place": f"methods.{name}.network", "spec": {"name": block["network"], "scale": 2}}
            for name, block in params["methods"].items()
            if "network" in block
        ],
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


def _stages(params: dict) -> Iterator[dict]:
    scales = {name: set() for name in params["editions"]}
    for block in params["datasets"].values():
        scales[block["edition"]] |= set(block["scales"])
    for name, method in params["methods"].items():
        for stage, block in method.get("stages", {}).items():
            for edition, schedule in block["schedule"].items():
                offered = params["editions"][edition]["networks"]
                networks = {role: offered[role] for role in block["networks"]}
                for preset, loss in block["loss"].items():
                    for scale in sorted(scales[edition]):
                        yield {
                            "place": f"methods.{name}.stages.{stage}, preset {preset}, edition {edition}",
                            **{"method": method.get("module", name), "stage": stage, "scale": scale},
                            **{"loss": loss, "schedule": schedule, "networks": networks},
                        }


class EarlyCheck:
    """One check, started when it is made; `finish` waits for it."""

    def __init__(self, params: dict):
        asked = files.canonical_json(questions(params))
        folder = fingerprint.PACKAGE
        # All that can be found by name: whoever adds a method or a network is asked, too.
        by_name = [
            f"pipeline.{room}.{path.stem}"
            for room in ("methods", "models")
            for path in (folder / room).glob("[a-z]*.py")
        ]
        code = fingerprint.code(MODULE, *sorted(by_name))
        packages = environment.packages_hash(environment.LOCK, ["torch"])
        self.hash = hashlib.sha256(f"{asked}{code}{packages}".encode()).hexdigest()
        self.process = None
        if not (CHECKED.is_file() and CHECKED.read_text(encoding="utf-8") == self.hash):
            command = [sys.executable, "-m", MODULE]
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", cwd=folder.parent
            )
            self.process.stdin.write(asked)
            self.process.stdin.close()

    def finish(self) -> None:
        """Raise UserError with every setting that the code does not take."""
        if self.process is None:
            return
        found = self.process.stdout.read().strip()
        if self.process.wait():
            raise UserError(f"python -m {MODULE} ended with an error (above), so the settings could not be checked.")
        if found:
            raise UserError(found)
        files.write_text(CHECKED, self.hash)
