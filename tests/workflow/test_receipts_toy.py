"""Receipts against a real Snakemake: seven small jobs, real git clones, the exact list of jobs asserted each time.

prepare (2 cameras) -> fit (2 methods, each reads both cameras) -> measure (2) -> table. What `fit` writes is not in git.
The kind that makes the table is called `print`: of a job of kind `table` the audit would check every number.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
OURS = (
    "__init__.py",
    "errors.py",
    "files.py",
    "exclusive.py",
    "plan/__init__.py",
    "workflow/__init__.py",
    "workflow/folder_lock.py",
    "workflow/sync.py",
)
GENERATOR, TABLE = "results/near/generator.bin", "results/table.tex"

TOY = {
    "params.yaml": "fit:\n  near: {lr: 0.1, decay: 0.2}\n  far: {lr: 0.1, decay: 0.2}\ndigits: 3\n",
    "requirements.lock": "flour==2.0\n    # via bread\npytest==8.0\n    # via toy (a.toml)\nbread==2.1\n    # via toy (a.toml)\n",
    ".gitignore": ".snakemake/\n__pycache__/\n/data/packed/*.bin\n/results/*/generator.bin\n*.log\n",
    # Larger than Snakemake ever compares by content: only its time would count.
    "data/raw/a.txt": f"3 4 5 {' ' * 1_200_000}\n",
    "data/raw/b.txt": "6 7 8\n",
    "pipeline/plan/params.py": "import yaml\n\n\ndef load(path):\n    return yaml.safe_load(open(path))\n",
    "pipeline/plan/keys.py": """
from pipeline.provenance import environment, fingerprint

LOCK = "requirements.lock"
TABLE = {
    "prepare": lambda p, w: (["pipeline.prepare"], {}, []),
    "fit": lambda p, w: (["pipeline.fit", f"pipeline.method_{w['method']}"], p["fit"][w["method"]], ["bread"]),
    "measure": lambda p, w: (["pipeline.measure"], {}, []),
    "print": lambda p, w: (["pipeline.print"], {"digits": p["digits"]}, []),
}


def key(params, stage, wildcards):
    modules, settings, names = TABLE[stage](params, wildcards)
    return {
        "kind": stage, "wildcards": dict(wildcards), "settings": settings,
        "code": {"modules": modules, "sha256": fingerprint.code(*modules)},
        "packages": {"names": names, "sha256": environment.packages_hash(LOCK, names)} if names else None,
        "files": {"inputs": {}, "outputs": {}}, "shell": "",
    }
""",
    "pipeline/core.py": "def middle(values):\n    return sum(values) / len(values)\n",
    "pipeline/method_near.py": "from pipeline.core import middle\n\n\ndef fit(values, lr):\n    return middle(values) + lr\n",
    "pipeline/method_far.py": "def fit(values, lr):\n    return sum(values) - lr\n",
    "pipeline/prepare.py": """
from pipeline.files import write_text
from pipeline.provenance.job import run


def work(job):
    write_text(job.outputs["packed"], job.input("raw").read_text().upper())


if __name__ == "__main__":
    run(work)
""",
    "pipeline/fit.py": """
import importlib

from pipeline.files import write_text
from pipeline.provenance.job import run


def work(job):
    method = importlib.import_module(f"pipeline.method_{job.wildcards['method']}")
    values = [float(word) for path in job.inputs["packed"] for word in path.read_text().split()]
    write_text(job.outputs["generator"], str(method.fit(values, job.settings["lr"] - job.settings["decay"])))
    write_text(job.outputs["history"], "1\\n")
    return {"steps": 1}


if __name__ == "__main__":
    run(work)
""",
    "pipeline/measure.py": """
from pipeline.files import write_json
from pipeline.provenance.job import run


def work(job):
    write_json(job.outputs["metrics"], {"psnr": 10 + float(job.input("generator").read_text())})


if __name__ == "__main__":
    run(work)
""",
    "pipeline/print.py": """
from pipeline.files import read_json, write_text
from pipeline.provenance.job import run


def work(job):
    cells = [f"{read_json(path)['psnr']:.{job.settings['digits']}f}" for path in job.inputs["metrics"]]
    write_text(job.outputs["tex"], " & ".join(cells))
    write_text(job.outputs["csv"], ",".join(cells))


if __name__ == "__main__":
    run(work)
""",
    "Snakefile": """
import shlex

from pipeline.files import canonical_json
from pipeline.provenance.job import words as words_of
from pipeline.plan.keys import key
from pipeline.workflow.sync import sync

configfile: "params.yaml"


def keyed(stage):
    return lambda wildcards: canonical_json(key(config, stage, dict(wildcards)))


def line(stage):
    def words(wildcards, input, output):
        outputs = dict(output.items())
        receipt = outputs.pop("receipt")
        key = keyed(stage)(wildcards)
        return shlex.join(words_of(f"pipeline.{stage}", key, dict(input.items()), outputs, receipt))
    return words


rule table:
    input: metrics=expand("results/{method}/metrics.json", method=config["fit"])
    output: tex="results/table.tex", csv="results/table.csv", receipt="results/table.tex.receipt.json"
    log: "results/table.log"
    params: key=keyed("print"), command=line("print")
    shell: "{params.command} > {log} 2>&1"

rule prepare:
    input: raw="data/raw/{camera}.txt"
    output: packed="data/packed/{camera}.bin", receipt="data/packed/{camera}.bin.receipt.json"
    log: "data/packed/{camera}.log"
    params: key=keyed("prepare"), command=line("prepare")
    shell: "{params.command} > {log} 2>&1"

rule fit:
    input: packed=["data/packed/a.bin", "data/packed/b.bin"]
    output:
        generator="results/{method}/generator.bin", history="results/{method}/history.txt",
        receipt="results/{method}/generator.bin.receipt.json",
    log: "results/{method}/fit.log"
    params: key=keyed("fit"), command=line("fit")
    shell: "{params.command} > {log} 2>&1"

rule measure:
    input: generator="results/{method}/generator.bin"
    output: metrics="results/{method}/metrics.json", receipt="results/{method}/metrics.json.receipt.json"
    log: "results/{method}/measure.log"
    params: key=keyed("measure"), command=line("measure")
    shell: "{params.command} > {log} 2>&1"

if workflow.is_main_process:
    sync(config, workflow.rules)
""",
}


def call(folder: Path, *words: str, ok: bool = True) -> str:
    result = subprocess.run([*words], cwd=folder, capture_output=True, text=True)
    assert not ok or result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def git(folder: Path, *words: str) -> str:
    return call(folder, "git", "-c", "user.name=t", "-c", "user.email=t@t", *words)


def snakemake(folder: Path, *words: str, ok: bool = True) -> str:
    return call(folder, sys.executable, "-m", "snakemake", "-c2", *words, "--", TABLE, ok=ok)


def planned(folder: Path) -> dict[str, int]:
    """Rule -> number of jobs of a dry run."""
    told = snakemake(folder, "-n")
    stats = dict(re.findall(r"^(\w+) +(\d+)$", told, re.M))
    assert stats or "Nothing to be done" in told, told
    return {rule: int(count) for rule, count in stats.items() if rule != "total"}


def audit(folder: Path) -> tuple[int, str]:
    words = [sys.executable, "-m", "pipeline.audit", TABLE, "--json", "audit.json"]
    result = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert not result.stderr, result.stderr
    assert json.loads((folder / "audit.json").read_text())["holds"] == (result.returncode == 0)
    return result.returncode, result.stdout


@pytest.fixture(scope="module")
def origin(tmp_path_factory) -> Path:
    """A repository in which everything has run and is committed."""
    folder = tmp_path_factory.mktemp("origin") / "toy"
    for name, text in TOY.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in OURS:
        (folder / "pipeline" / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / "pipeline" / name, folder / "pipeline" / name)
    for name in ("audit", "provenance"):
        shutil.copytree(REPOSITORY / "pipeline" / name, folder / "pipeline" / name)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "code")
    snakemake(folder)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "results")
    return folder


def cloned(origin: Path, place: Path) -> Path:
    """A fresh clone, nothing pulled: no packed data, no generators."""
    place.mkdir(exist_ok=True)
    git(place, "clone", "-q", str(origin), "toy")
    return place / "toy"


def pulled(origin: Path, clone: Path) -> Path:
    """All data of a clone, pulled last, so that data is newer than what was made of it."""
    for path in [*origin.glob("data/packed/*.bin"), *origin.glob("results/*/*.bin")]:
        target = clone / path.relative_to(origin)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return clone


@pytest.fixture
def clone(origin, tmp_path) -> Path:
    return cloned(origin, tmp_path)


@pytest.fixture
def full(origin, clone) -> Path:
    return pulled(origin, clone)


def edit(path: Path, old: str, new: str, keep_time: bool = False) -> None:
    text, status = path.read_text(), path.stat()
    assert old in text
    path.write_text(text.replace(old, new))
    if keep_time:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - 10**18))


def swap_and_set(folder: Path) -> None:
    edit(folder / "params.yaml", "near: {lr: 0.1, decay: 0.2}", "near: {lr: 0.2, decay: 0.1}")
    edit(folder / "params.yaml", "far: {lr: 0.1", "far: {lr: 0.3")


def change_modules(folder: Path) -> None:
    edit(folder / "pipeline/core.py", "sum", "max")
    edit(folder / "pipeline/method_far.py", "- lr", "+ lr")


def alter_files(folder: Path) -> None:
    edit(folder / "results/near/metrics.json", "1", "2", keep_time=True)
    edit(folder / "results/far/generator.bin", ".", "0.", keep_time=True)


def change_nothing_that_matters(folder: Path) -> None:
    edit(folder / "params.yaml", "near: {lr: 0.1, decay: 0.2}", "near: {decay: 0.2, lr: 0.1}  # the same")
    edit(folder / "requirements.lock", "pytest==8.0", "pytest==9.0")
    for path in (folder / "pipeline").glob("*.py"):
        edit(path, "\n", "\n# a comment\n\n")
    backwards = [*folder.glob("data/*/*.*"), *folder.glob("results/*/*.*"), *folder.glob("results/*.*")]
    for index, path in enumerate(backwards):
        os.utime(path, (2 * 10**9 - index, 2 * 10**9 - index))


FIT = {"fit": 1, "measure": 1, "table": 1}
BOTH = {"fit": 2, "measure": 2, "table": 1}
CHANGES = {
    "two values swapped, one setting": (swap_and_set, BOTH),
    "a module of a method, a module that a method imports": (change_modules, BOTH),
    "a package that a package needs": (lambda f: edit(f / "requirements.lock", "flour==2.0", "flour==2.1"), BOTH),
    "the table edited": (lambda f: edit(f / TABLE, "&", "& &"), {"table": 1}),
    "metrics and a generator altered, old times": (alter_files, FIT | {"measure": 2}),
    "raw data replaced, old time": (
        lambda f: edit(f / "data/raw/a.txt", "3", "9", keep_time=True),
        BOTH | {"prepare": 1},
    ),
    "a receipt deleted": (lambda f: (f / f"{GENERATOR}.receipt.json").unlink(), FIT),
    "the table's receipt deleted": (lambda f: (f / f"{TABLE}.receipt.json").unlink(), {"table": 1}),
    "comments, order of keys, unrelated package, times": (change_nothing_that_matters, {}),
}


@pytest.fixture(scope="module")
def outcomes(origin, tmp_path_factory) -> dict[str, tuple[dict[str, int], int]]:
    """Change -> (planned jobs, exit code of the audit), each from its own fresh clone with all data; two at a time."""

    def outcome(change: str) -> tuple[dict[str, int], int]:
        folder = pulled(origin, cloned(origin, tmp_path_factory.mktemp("change")))
        CHANGES[change][0](folder)
        return planned(folder), audit(folder)[0]

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(CHANGES, pool.map(outcome, CHANGES), strict=True))


@pytest.mark.parametrize("change", CHANGES)
def test_fresh_clone_with_all_data(outcomes, change):
    expected = CHANGES[change][1]
    assert outcomes[change] == (expected, 1 if expected else 0)


def test_fresh_clone_without_data(clone):
    assert planned(clone) == {}
    code, told = audit(clone)
    assert code == 0 and told.count("(not here") == told.count("○ ") == 6 and "4 files not here" in told
    edit(clone / "params.yaml", "digits: 3", "digits: 2")
    code, told = audit(clone)
    assert code == 1 and "print.digits: 3 -> 2" in told
    assert "1 of 1 steps (100%) done" in snakemake(clone)
    assert audit(clone)[0] == 0


def test_where_jobs_ran(origin, tmp_path):
    folder = tmp_path / "toy"
    shutil.copytree(origin, folder, symlinks=True)
    before = {path: path.read_bytes() for path in folder.rglob("*.receipt.json")}
    assert len(before) == 7
    first = snakemake(folder, "-n")
    assert "Nothing to be done" in first and "Params" not in first

    edit(folder / "params.yaml", "near: {lr: 0.1", "near: {lr: 0.3")
    code, told = audit(folder)
    assert code == 1 and "fit.lr: 0.1 -> 0.3  (1 receipts)" in told
    told = snakemake(folder)
    assert "fit.lr 0.1 -> 0.3" in told and "3 of 3 steps (100%) done" in told
    assert audit(folder)[0] == 0
    changed = {str(path.relative_to(folder)) for path, text in before.items() if path.read_bytes() != text}
    assert changed == {
        f"results/{name}.receipt.json" for name in ("near/generator.bin", "near/metrics.json", "table.tex")
    }

    # Where Snakemake has records of its own, they must not outlive the receipt.
    (folder / "results/table.tex.receipt.json").unlink()
    assert planned(folder) == {"table": 1}
    assert "results/table.tex: no receipt says" in audit(folder)[1]
    git(folder, "checkout", "-q", ".")
    assert planned(folder) == FIT, (
        "the old receipts are back, and so are the old settings; the generator is the new one"
    )
    assert "✗ fit  results/near/generator.bin" in audit(folder)[1]


def test_only_the_key_is_a_tracked_param(origin):
    records = [json.loads(path.read_text()) for path in (origin / ".snakemake/metadata").rglob("*") if path.is_file()]
    assert len(records) == 17
    for record in records:
        assert len(record["params"]) == 1 and '"kind"' in record["params"][0], record["params"]


def test_hands_off_while_another_snakemake_runs(full):
    lock = full / ".snakemake/folder.lock"
    lock.parent.mkdir(exist_ok=True)
    with open(lock, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        call(full, sys.executable, "-c", "from pipeline.workflow.sync import sync; sync({})")
    assert [path.name for path in (full / ".snakemake").iterdir()] == ["folder.lock"]


def test_another_version_of_snakemake_is_a_clear_message(full):
    code = "import sys; sys.modules['snakemake.persistence.file'] = None; from pipeline.workflow.sync import sync; sync({})"
    told = call(full, sys.executable, "-c", code, ok=False)
    assert "UserError: Snakemake keeps its records elsewhere" in told and "requirements.lock" in told


def test_a_damaged_receipt_is_named_by_both(full):
    receipt = full / "results/far/metrics.json.receipt.json"
    receipt.write_text(receipt.read_text()[:-9])
    assert "results/far/metrics.json.receipt.json: not valid JSON" in snakemake(full, "-n", ok=False)
    code, told = audit(full)
    assert code == 1 and "results/far/metrics.json.receipt.json: not valid JSON" in told


def test_a_failed_job_leaves_neither_output_nor_receipt(full):
    edit(full / "pipeline/method_far.py", "return", "1 / 0\n    return")
    snakemake(full, ok=False)
    assert not any((full / f"results/far/{name}").exists() for name in ("generator.bin", "generator.bin.receipt.json"))
    assert "ZeroDivisionError" in (full / "results/far/fit.log").read_text()
    line = (full / "results/far/fit.log").read_text().splitlines()[0]
    edit(full / "pipeline/method_far.py", "1 / 0\n    return", "return")
    assert "changed since the plan was made" in call(full, "bash", "-c", line, ok=False)
    snakemake(full)
    assert audit(full)[0] == 0
    line = (full / "results/far/fit.log").read_text().splitlines()[0]
    call(full, "bash", "-c", line)
    assert audit(full)[0] == 0, "a job run again by hand from its log writes the same bytes"


def test_audit_needs_neither_torch_nor_snakemake(full):
    code = "import sys; sys.argv = ['a', 'results/table.tex']; from pipeline.audit.__main__ import main\ntry: main()\n"
    code += "except SystemExit: print(*{'torch', 'snakemake', 'dvc', 'numpy'} & set(sys.modules), 'end')"
    assert call(full, sys.executable, "-c", code).splitlines()[-1].strip() == "end"
