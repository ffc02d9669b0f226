"""A throw-away clone of this repository with a tiny edition: the real workflow in seconds."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from pipeline.plan import settings_files
from pipeline.plan.nodes import plain
from pipeline.workflow.early_check import CHECKED

ROOT = Path(__file__).resolve().parents[2]
TABLE = "results/tables/dada_simcam.tex"
CROSS = "results/tables/dada_simcam_crossdevice.tex"
REPORT = "results/report/dada_simcam.html"
# How a dry run prints a job: its rule, its inputs, its outputs.
JOB = re.compile(r"^(?:local)?rule (\w+):\n(?:    (?!output)\w+: .*\n)*    output: ([^,\n]+)", re.MULTILINE)
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Collections of settings and their files; everything else stands in params.yaml.
OWNERS = {"datasets": "params/domains.yaml"}
OWNERS |= dict.fromkeys(("methods", "tables", "reports", "figures"), "params/dada.yaml")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "GIT_CONFIG_GLOBAL": os.devnull}


class WithoutAliases(yaml.SafeDumper):
    """Writes every value out, so that a change of one value changes one place of the file."""

    def ignore_aliases(self, data):
        return True


def dump_plainly(part: dict) -> str:
    """YAML in the order of the keys."""
    return yaml.safe_dump(part, sort_keys=False, allow_unicode=True)


def tiny(params: dict) -> None:
    """Two cameras, one pair, small photographs, networks and schedules; the table `dada_simcam` real and of four methods."""
    simulated = [name for name, block in params["datasets"].items() if block["simulated"]]
    for block in (params["datasets"][name] for name in simulated):
        block["cameras"] = {camera: block["cameras"][camera] for camera in ("panasonic", "sony")}
        block["train"] |= {"patches": 6, "size": 48, "scene": {**block["train"]["scene"], "size": 96}}
        block["val"] |= {"patches": 2, "size": 48, "scene": {**block["val"]["scene"], "size": 96}}
        block["test"]["photographs"] = block["test"]["photographs"][1::-1]  # not in the order of their names
    small = params["editions"]["small"]
    small["networks"] = {
        "generator": {"name": "cdc", "width": 4, "hourglasses": 2, "poolings": 2, "mid": 0, "tail": 0}
        | {"gain": 0.5, "skip": False},
        "downsampler": {"name": "de_resnet", "width": 4, "blocks": 1},
        "discriminator": {"name": "patchgan", "width": 4},
        "translator": {"name": "cincgan_generator", "width": 4, "blocks": 1, "skip": True},
        "cycle_discriminator": {"name": "cincgan_discriminator", "width": 4},
        "rrdb": {"name": "rrdb", "width": 4, "blocks": 1, "growth": 4, "gain": 0.5, "skip": True},
        "degrader": {"name": "dsn", "width": 4, "blocks": 1, "skip": True},
        "domain_discriminator": {"name": "domain_discriminator", "width": 4},
        "frequency_discriminator": {"name": "frequency_patchgan", "width": 4},
        "drn": {"name": "drn", "width": 2, "blocks": 1, "reduction": 4, "skip": True},
        "drn_dual": {"name": "drn_dual", "width": 2, "direct": False},
    }
    small["evaluate"]["bootstrap"]["samples"] = 100
    for block in params["methods"].values():
        for stage in block.get("stages", {}).values():
            stage["schedule"]["small"] |= {"steps": 4, "batch": 2, "patch": 8, "milestones": []}
    for name, table in params["tables"].items():
        if table["dataset"] in simulated:
            cameras = "cameras" if table["kind"] == "crossdevice" else "pairs"
            table[cameras] = ["panasonic", "sony"] if cameras == "cameras" else [["panasonic", "sony"]]
        if name in (f"dada_{dataset}" for dataset in simulated):
            table |= {"settings": ["real"], "methods": ["bicubic", "source_only", "dada", "target_only"]}
    for block in params["figures"].values():
        _two_cameras(block, params["datasets"][block["dataset"]])


def _two_cameras(figure: dict, dataset: dict) -> None:
    """Leave out of a figure of simulated cameras what the tiny edition does not have."""
    if not dataset["simulated"]:
        return
    for key in figure.keys() & {"cameras"}:
        figure[key] = list(dataset["cameras"])
    for key in figure.keys() & {"pairs"}:
        figure[key] = [["panasonic", "sony"]]
    if figure["kind"] == "difference":
        figure["photographs"] = {"panasonic": "astronaut", "sony": "astronaut"}
    if figure["kind"] == "comparison":
        figure["photographs"] = ["astronaut"]


def written(folder: Path) -> dict:
    """Settings that `write_settings` wrote, read without the pipeline."""
    paths = ("params.yaml", *dict.fromkeys(OWNERS.values()))
    return {name: block for path in paths for name, block in yaml.load((folder / path).read_bytes(), LOADER).items()}


def write_settings(folder: Path, params: dict, dump: Callable[[dict], str] = dump_plainly) -> None:
    """Each block into the file where it stands in the repository."""
    parts: dict[str, dict] = {}
    for name, block in params.items():
        parts.setdefault(OWNERS.get(name, "params.yaml"), {})[name] = block
    for path, part in parts.items():
        (folder / path).write_text(dump(part))


class Workspace:
    """A git repository in `folder` with the files of this one as they are in the working tree."""

    def __init__(self, folder: Path):
        self.folder, self.said = folder, ""

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
        """A fresh `git clone` of what is committed; nothing of DVC's is in it."""
        subprocess.run(["git", "clone", "-q", str(self.folder), str(folder)], check=True, env=ENVIRONMENT, timeout=240)
        # Settings that training code has taken once need not be asked about again in each of a hundred clones.
        if (self.folder / CHECKED).exists():
            (folder / CHECKED).parent.mkdir()
            shutil.copy(self.folder / CHECKED, folder / CHECKED)
        return Workspace(folder)

    def publish(self, message: str = "results", store: str | None = None) -> "Workspace":
        """Hand large files to DVC and push them, commit the rest; returns itself.

        `store` is where DVC keeps them, by default the folder that .dvc/config names, beside the workspace.
        """
        if store:
            self.use_store(store)
        self.python("-m", "pipeline.publish")
        self.commit(message)
        return self

    def use_store(self, url: str | Path, **options: str) -> None:
        """Name the DVC remote for this workspace alone, as `dvc remote modify --local store ...` does."""
        lines = [f"    {name} = {value}" for name, value in {"url": url, **options}.items()]
        (self.folder / ".dvc/config.local").write_text("\n".join(["['remote \"store\"']", *lines, ""]))

    def pulled(self, folder: Path, *targets: str) -> "Workspace":
        """A fresh clone with the same DVC store, after `dvc pull` of everything or of some targets."""
        # In this process: to start Python and import DVC would take six times as long as the work.
        from dvc.repo import Repo

        clone = self.clone(folder)
        clone.use_store((self.folder / ".dvc/../../sr-adaptation-store").resolve())
        with Repo(str(folder)) as repo:
            repo.pull([str(folder / target) for target in targets] or None)
        return clone

    def dvc(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        return self.python("-m", "dvc", *words, check=check)

    def change(self, edit) -> None:
        """Read the settings, apply `edit` to them, write them back: all in full, every block into its file."""
        params = plain(settings_files.read(self.folder / "params.yaml"))
        edit(params)
        write_settings(self.folder, params)

    def change_sources(self, edit) -> None:
        """Apply `edit` to the `sources` of data/sources.yaml."""
        path = self.folder / "data/sources.yaml"
        catalogue = yaml.safe_load(path.read_text())
        edit(catalogue["sources"])
        path.write_text(yaml.safe_dump(catalogue, sort_keys=False, allow_unicode=True))

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, env=ENVIRONMENT, timeout=900)
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

    def planned(self, *targets: str, strict: bool = False) -> set[str]:
        """Exactly the jobs that a dry run wants to run, each as `rule: first output`.

        `strict` takes away Snakemake's own way out for small files, whose content it compares when times differ: then
        the answer is that for large files.
        """
        words = ["--max-checksum-file-size", "0"] if strict else []
        done = self.snakemake("-n", *words, "--", *targets)
        text = done.stdout + done.stderr
        jobs = {f"{rule}: {first}" for rule, first in JOB.findall(text)}
        stats = re.search(r"^total +(\d+)$", text, flags=re.MULTILINE)
        assert len(jobs) == (int(stats[1]) if stats else 0) and (jobs or "Nothing to be done" in text), text[-3000:]
        return jobs

    def holds(self, *targets: str) -> bool:
        """Whether the audit says that the targets follow from everything as it is now; its text is in `self.said`."""
        done = self.python("-m", "pipeline.audit", *targets, check=False)
        self.said = done.stdout + done.stderr
        assert done.returncode in (0, 1) and "Traceback" not in self.said, self.said[-3000:]
        return done.returncode == 0
