"""The guard before DVC, and the real DVC on the real layout: large files to DVC, the small ones beside them to git."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import publish
from pipeline.errors import UserError

ROOT = Path(__file__).parents[2]
RUN = "results/runs/simcam_x4/real/{camera}/source_only/up/seed0"
FILES = {
    "results/manifests/simcam_x4/sony.csv": ["data/packed/simcam_x4/sony/train_lr.safetensors"],
    f"{RUN.format(camera='sony')}/generator.safetensors": [f"{RUN.format(camera='sony')}/history.jsonl"],
    f"{RUN.format(camera='olympus')}/generator.safetensors": [f"{RUN.format(camera='olympus')}/history.jsonl"],
    "results/tables/demo.tex": ["results/tables/demo.csv"],
    "results/report/demo.html": [],
}
SNAKEFILE = 'rule t:\n    input: "params.yaml"\n    output: "results/tables/demo.tex"\n    shell: "touch {output}"\n'


def make(output: str, more: list[str]) -> None:
    """Write a job's outputs and its receipt."""
    outputs = {}
    for path in [output, *more]:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(f"content of {path}")
        digest = hashlib.md5(Path(path).read_bytes(), usedforsecurity=False).hexdigest()
        outputs[path] = {"md5": digest, "sha256": "0", "size": Path(path).stat().st_size}
    Path(f"{output}.receipt.json").write_text(json.dumps({"key": {}, "inputs": {}, "outputs": outputs, "run": {}}))


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A finished toy pipeline under this repository's own DVC files."""
    monkeypatch.chdir(tmp_path)
    clone = tmp_path / "clone"
    clone.mkdir()
    monkeypatch.chdir(clone)
    Path("rules").mkdir()
    Path("rules/a.smk").write_text("")
    Path("data/reported").mkdir(parents=True)
    Path("data/reported/demo.yaml").write_text("a: 1\n")
    Path("pipeline").mkdir()
    Path("pipeline/__init__.py").write_text("")
    Path("pipeline/audit.py").write_text("import os, sys\nsys.exit(os.path.exists('audit_fails'))\n")
    Path("requirements.lock").write_text("")
    Path("params.yaml").write_text("a: 1\n")
    Path("params").mkdir()
    Path("params/domains.yaml").write_text("a: 1\n")
    Path("data/sources.yaml").write_text("a: 1\n")
    Path("Snakefile").write_text(SNAKEFILE)
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore"):
        Path(name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, name)
    for output, more in FILES.items():
        make(output, more)
    return clone


def command(*words: str) -> str:
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def git(*words: str) -> str:
    return command("git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words)


def dvc(*words: str) -> str:
    return command(sys.executable, "-m", "dvc", *words)


def test_the_real_dvc_keeps_large_files_and_leaves_the_others_to_git(repository, monkeypatch, capsys):
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "results")
    tracked = git("ls-files")
    assert "generator.safetensors.receipt.json" in tracked
    assert "generator.safetensors\n" not in tracked
    leftover = Path(RUN.format(camera="sony"), "state.pt")
    leftover.write_text("of a killed training")
    Path("results/report/audit_demo.html").write_text("an audit's page")

    publish.publish(["results/tables/demo.tex"])
    assert "published: 4 files" in capsys.readouterr().out
    assert git("status", "--porcelain") == "?? dvc.lock\n"
    git("add", "-A")
    git("commit", "-q", "-m", "published")

    # Another clone beside this one: the bytes come from the store, nothing of git's is touched.
    os.chdir("..")
    git("clone", "-q", "clone", "other")
    os.chdir("other")
    dvc("pull")
    for path in ("data/packed/simcam_x4/sony/train_lr.safetensors", "results/report/demo.html"):
        assert Path(path).read_text() == f"content of {path}"
    assert not Path(leftover).exists()
    assert git("status", "--porcelain") == ""
    assert "up to date" in dvc("status")


def fake(monkeypatch, lock: dict[str, str] | None = None, plan: str = publish.NOTHING, audit: int = 0) -> list[str]:
    """Snakemake, audit and DVC replaced; what was called."""
    calls = []

    def python(*words: str) -> subprocess.CompletedProcess:
        calls.append(" ".join(words[:2]))
        said = {"snakemake": plan, "dvc": "Data and pipelines are up to date."}.get(words[0], "the audit's words")
        if words[:2] == ("dvc", "commit"):
            outs = [{"path": path, "md5": md5} for path, md5 in (lock or {}).items()]
            Path("dvc.lock").write_text(json.dumps({"stages": {"all": {"outs": outs}}}))
        return subprocess.CompletedProcess(words, audit if words[0] == "pipeline.audit" else 0, stdout=said)

    monkeypatch.setattr(publish, "_python", python)
    return calls


def hashes() -> dict[str, str]:
    return {folder: publish.folder_md5(folder, publish.receipted_files(folder)) for folder in publish.kept_folders()}


def test_order_of_a_publication(repository, monkeypatch):
    calls = fake(monkeypatch, hashes())
    publish.publish(["results/tables/demo.tex"])
    assert [call.split()[-1] for call in calls] == ["--dry-run", "results/tables/demo.tex", "commit", "push", "status"]


def test_nothing_is_recorded_while_snakemake_has_something_to_do(repository, monkeypatch):
    calls = fake(monkeypatch, plan="rule table: ...")
    with pytest.raises(UserError, match="still has something to do"):
        publish.publish(["results/tables/demo.tex"])
    assert not any(call.startswith("dvc") for call in calls)


def test_nothing_is_recorded_when_the_audit_does_not_hold(repository, monkeypatch):
    calls = fake(monkeypatch, audit=1)
    with pytest.raises(UserError, match="the audit's words"):
        publish.publish(["results/tables/demo.tex"])
    assert not any(call.startswith("dvc") for call in calls)


def test_nothing_is_pushed_when_dvc_took_other_bytes_than_the_receipts_name(repository, monkeypatch):
    calls = fake(monkeypatch, {**hashes(), "results/runs": "0.dir"})
    with pytest.raises(UserError, match=r"took from results/runs .* Nothing was pushed"):
        publish.publish(["results/tables/demo.tex"])
    assert "dvc push" not in calls


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.with_name("stray.safetensors").write_text("x"), "stray.safetensors: no receipt"),
        (lambda path: path.unlink(), "generator.safetensors: .* is missing"),
        (lambda path: path.write_text("other"), "generator.safetensors: is not the file"),
    ],
)
def test_every_large_file_needs_a_receipt_that_fits(repository, harm, message):
    harm(Path(RUN.format(camera="sony"), "generator.safetensors"))
    with pytest.raises(UserError, match=message):
        publish.receipted_files("results/runs")


def test_a_repository_without_results_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="make demo"):
        publish.published_tables()
