"""A throw-away clone of this repository with a tiny edition: the real workflow in seconds."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
TABLE = "results/tables/dada_simcam.tex"
CROSS = "results/tables/dada_simcam_crossdevice.tex"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "GIT_CONFIG_GLOBAL": os.devnull}


def tiny(params: dict) -> None:
    """Two cameras, one pair, small photographs, networks and schedules; everything else as shipped."""
    for name in ("simcam", "simcam_lab"):
        block = params["datasets"][name]
        block["cameras"] = {camera: block["cameras"][camera] for camera in ("panasonic", "sony")}
        block["train"] |= {"patches": 6, "size": 64, "scene": {**block["train"]["scene"], "size": 128}}
        block["val"] |= {"patches": 2, "size": 64, "scene": {**block["val"]["scene"], "size": 128}}
        block["test"]["photographs"] = block["test"]["photographs"][:2]
    small = params["editions"]["small"]
    small["networks"] = {
        "generator": {"name": "cdc", "width": 4, "hourglasses": 2, "poolings": 2, "mid": 0, "tail": 0, "gain": 0.5},
        "downsampler": {"name": "de_resnet", "width": 4, "blocks": 1},
        "discriminator": {"name": "patchgan", "width": 4},
    }
    small["evaluate"]["bootstrap"]["samples"] = 100
    for block in params["methods"].values():
        for stage in block.get("stages", {}).values():
            stage["schedule"]["small"] |= {"steps": 4, "batch": 2, "patch": 8, "milestones": []}
    for name in ("dada_simcam", "dada_simcam_lab"):
        params["tables"][name]["pairs"] = [["panasonic", "sony"]]
    params["tables"]["dada_simcam_crossdevice"]["cameras"] = ["panasonic", "sony"]


class Workspace:
    """A git repository in `folder` with the files of this one as they are in the working tree."""

    def __init__(self, folder: Path):
        self.folder = folder

    @classmethod
    def create(cls, folder: Path) -> "Workspace":
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        for name in listed.stdout.splitlines():
            if name.startswith("results/") or not (ROOT / name).is_file():
                continue
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
        workspace = cls(folder)
        workspace.change(tiny)
        workspace.git("init", "-q", "-b", "main")
        workspace.commit("tiny edition")
        return workspace

    def git(self, *words: str) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
        return self.run("git", *identity, *words).stdout

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def clone(self, folder: Path) -> "Workspace":
        subprocess.run(["git", "clone", "-q", str(self.folder), str(folder)], check=True, env=ENVIRONMENT)
        return Workspace(folder)

    def change(self, edit) -> None:
        """Load params.yaml, apply `edit` to it, write it back."""
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        edit(params)
        path.write_text(yaml.safe_dump(params, sort_keys=False, allow_unicode=True))

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, env=ENVIRONMENT)
        assert not check or done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        return done

    def python(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        return self.run(sys.executable, *words, check=check)

    def snakemake(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        return self.python("-m", "snakemake", "--show-failed-logs", *words, check=check)

    def plan(self, *targets: str) -> dict[str, int]:
        """Rule -> number of jobs that a dry run wants to run; empty when there is nothing to be done."""
        done = self.snakemake("-n", "--quiet", "rules", "--", *targets)
        text = done.stdout + done.stderr
        if "Nothing to be done" in text:
            return {}
        jobs = dict(re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE))
        jobs.pop("total")
        return {name: int(count) for name, count in jobs.items()}
