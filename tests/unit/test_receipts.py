"""Judgement of receipts by content, their order, the cache of hashes and the audit's report; no Snakemake here."""

import copy
import json
import os
import random
import subprocess
import time
from pathlib import Path

import pytest

from pipeline import audit, files
from pipeline.audit.text import tree
from pipeline.errors import UserError
from pipeline.provenance import receipts
from pipeline.provenance.job import seal
from pipeline.workflow.sync import HashCache

SETTINGS = {"fit": {"lr": 0.1, "net": {"width": 4}}, "measure": {}, "table": {"digits": 3}}


def key_of(stage: str, wildcards: dict, settings: dict = SETTINGS) -> str:
    key = {
        "kind": stage,
        "wildcards": wildcards,
        "settings": settings[stage],
        "code": {"modules": ["pipeline.errors"], "sha256": "c"},
        "packages": None,
        "files": {"inputs": {}, "outputs": {}},
        "shell": "s",
    }
    return files.canonical_json(key)


def make(stage: str, inputs: list[str], outputs: list[str], **wildcards: str) -> None:
    for path in outputs:
        files.write_text(path, f"{path} by {stage}")
    content = {
        "key": json.loads(key_of(stage, wildcards)),
        "inputs": {path: files.sha256(path) for path in inputs},
        "outputs": {path: audit.content(path) for path in outputs},
        "run": {},
    }
    files.write_json(outputs[0] + receipts.SUFFIX, content | {"seal": seal(content)})


GENERATOR, METRICS, TABLE, REPORTED = "results/a/g.bin", "results/a/m.json", "results/t.tex", "data/reported.yaml"


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """git keeps a reported file; fit -> measure -> table, and a receipt of a method that params.yaml no longer has."""
    monkeypatch.chdir(tmp_path)
    files.write_text(REPORTED, "1")
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", REPORTED], check=True)
    make("fit", [], [GENERATOR, "results/a/h.txt"], seed="0")
    make("measure", [GENERATOR], [METRICS], seed="0")
    make("table", [METRICS, REPORTED], [TABLE, "results/t.csv"])
    return tmp_path


def change(path: str, edit, sealed: bool = True) -> None:
    content = json.loads(Path(path).read_text())
    edit(content)
    files.write_json(path, content | ({"seal": seal(content)} if sealed else {}))


def swap(one: str, other: str) -> None:
    text, status = Path(one).read_bytes(), Path(one).stat()
    os.replace(other, one)
    Path(other).write_bytes(text)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))


def judged(settings: dict = SETTINGS) -> dict[str, list[str]]:
    found = receipts.collect()
    tracked = receipts.tracked_files()
    verdicts, _ = receipts.judge(
        found,
        lambda stage, wildcards: key_of(stage, wildcards, settings),
        audit.content,
        lambda path: receipts.stray_input(path, tracked, found.broken),
    )
    return {path.removesuffix(receipts.SUFFIX): [str(reason) for reason in why] for path, why in verdicts.items()}


def failing(**kind) -> dict[str, list[str]]:
    return {path: why for path, why in judged(**kind).items() if why}


def test_everything_holds_producers_first(place):
    assert list(judged()) == [GENERATOR, METRICS, TABLE] and failing() == {}
    for path in place.rglob("*"):
        os.utime(path, (1, random.random() * 1e9))
    assert failing() == {}


def test_absent_files_are_judged_by_their_makers(place):
    for path in (GENERATOR, "results/a/h.txt", METRICS, TABLE):
        Path(path).unlink()
    assert failing() == {}
    change(GENERATOR + receipts.SUFFIX, lambda content: content["outputs"][GENERATOR].update(sha256="0" * 64))
    assert failing() == {
        METRICS: [f"{GENERATOR} is not what {GENERATOR}.receipt.json says; the job read another version"]
    }


def test_settings_code_and_packages_are_named(place, monkeypatch):
    settings = copy.deepcopy(SETTINGS)
    settings["fit"] = {"lr": 0.3, "net": {"width": 4, "depth": 2}}
    assert failing(settings=settings) == {GENERATOR: ["fit.lr 0.1 -> 0.3", "fit.net.depth (absent) -> 2"]}
    assert failing(settings={**SETTINGS, "table": {"digits": 3.0}}) == {TABLE: ["table.digits 3 -> 3.0"]}
    gone = {name: block for name, block in SETTINGS.items() if name != "measure"}
    assert failing(settings=gone) == {METRICS: ["measure no longer follows from params.yaml ('measure')"]}

    def edit(content):
        content["key"]["code"]["sha256"] = "older"
        content["key"]["packages"] = {"names": ["torch"], "sha256": "older"}
        content["run"]["modules"] = {"pipeline.errors": "other", "pipeline": "other"}

    change(TABLE + receipts.SUFFIX, edit)
    assert failing() == {
        TABLE: [
            "pipeline, pipeline.errors changed since the job ran",
            "torch or their dependencies are now locked in other versions",
        ]
    }


@pytest.mark.parametrize("path", [GENERATOR, "results/a/h.txt", METRICS, TABLE, "results/t.csv", REPORTED])
def test_an_altered_file_is_named(place, path):
    status = Path(path).stat()
    text = Path(path).read_bytes()
    Path(path).write_bytes(text[:-1] + b"~")
    os.utime(path, ns=(0, status.st_mtime_ns))
    why = failing()
    assert why and all(path in reason for reasons in why.values() for reason in reasons)


@pytest.mark.parametrize("name", ["sha256", "md5", "size"])
def test_an_altered_receipt_is_named(place, name):
    change(TABLE + receipts.SUFFIX, lambda content: content["outputs"]["results/t.csv"].update({name: 7}))
    assert [path for path in failing()] == [TABLE] and "results/t.csv is not what its job wrote" in failing()[TABLE][0]


@pytest.mark.parametrize("part, name", [("key", "shell"), ("outputs", GENERATOR), ("run", "host"), ("seal", None)])
def test_a_receipt_changed_by_hand_is_named_even_where_nothing_is_here(place, part, name):
    for path in (GENERATOR, "results/a/h.txt", METRICS, TABLE):
        Path(path).unlink()
    assert failing() == {}

    def edit(content):
        if name is None:
            content[part] = "0" * 64
        elif part == "outputs":
            content[part][name]["md5"] = "0" * 32
        else:
            content[part][name] = "other"

    change(GENERATOR + receipts.SUFFIX, edit, sealed=False)
    assert failing()[GENERATOR][-1].startswith(f"{GENERATOR}.receipt.json was changed after its job wrote it")


def test_layout_and_order_of_a_receipt_do_not_count(place):
    path = Path(TABLE + receipts.SUFFIX)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(content.items()))))
    assert failing() == {}


def test_a_receipt_of_an_earlier_version_does_not_hold(place):
    def edit(content):
        for name in ("files", "shell"):
            del content["key"][name]
        del content["seal"]

    change(TABLE + receipts.SUFFIX, edit, sealed=False)
    assert failing()[TABLE][0] == f"{TABLE}.receipt.json was written by another version of this pipeline"


def test_a_swapped_role_is_a_changed_key(place):
    change(METRICS + receipts.SUFFIX, lambda content: content["key"]["files"]["inputs"].update(generator=GENERATOR))
    assert failing() == {METRICS: [f'measure.files.inputs.generator "{GENERATOR}" -> (absent)']}


def test_inputs_from_nowhere(place):
    files.write_text("data/new.yaml", "1")
    make("table", [METRICS, "data/new.yaml"], [TABLE])
    assert "data/new.yaml has no known origin" in failing()[TABLE][0]
    files.write_text("data/new.yaml.dvc", "outs: []")
    assert failing() == {}
    Path("data/new.yaml").unlink()
    assert failing() == {}, "not pulled"
    Path("data/new.yaml.dvc").unlink()
    assert failing()[TABLE] == ["data/new.yaml has no receipt that says how it was made"]


def test_git_does_not_vouch_for_results(place):
    subprocess.run(["git", "add", METRICS], check=True)
    Path(METRICS + receipts.SUFFIX).unlink()
    assert failing() == {TABLE: [f"{METRICS} has no receipt that says how it was made"]}


def test_files_of_two_runs_swapped(place):
    make("fit", [], ["results/b/g.bin"], seed="1")
    make("measure", ["results/b/g.bin"], ["results/b/m.json"], seed="1")
    for name in ("m.json", "m.json.receipt.json"):
        swap(f"results/a/{name}", f"results/b/{name}")
    assert set(receipts.collect().broken) == {"results/a/m.json.receipt.json", "results/b/m.json.receipt.json"}
    for name in ("a", "b"):
        Path(f"results/{name}/m.json.receipt.json").unlink()
    make("measure", ["results/b/g.bin"], ["results/b/m.json"], seed="1")
    make("measure", [GENERATOR], [METRICS], seed="0")
    swap(METRICS, "results/b/m.json")
    assert {METRICS, "results/b/m.json"} <= set(failing())


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content.pop("key"),
        lambda content: content["key"].pop("code"),
        lambda content: content["key"].update(wildcards=[]),
        lambda content: content["outputs"]["results/t.csv"].pop("sha256"),
        lambda content: content.update(outputs={}),
        lambda content: content.update(inputs={REPORTED: None}),
        lambda content: content.update(inputs=3),
    ],
)
def test_a_receipt_of_another_shape(place, edit):
    change(TABLE + receipts.SUFFIX, edit, sealed=False)
    with pytest.raises(UserError, match=r"results/t\.tex\.receipt\.json: not the receipt of results/t\.tex"):
        receipts.read(TABLE + receipts.SUFFIX)
    assert TABLE + receipts.SUFFIX in receipts.collect().broken


def test_a_receipt_left_behind_does_not_speak_for_a_file(place):
    change(METRICS + receipts.SUFFIX, lambda content: content["outputs"].update({"results/a/0.json": {}}))
    old = json.loads(Path(METRICS + receipts.SUFFIX).read_text())
    old["key"]["settings"], old["outputs"] = {"older": 1}, {p: audit.content(METRICS) for p in (METRICS, "results/a/0")}
    change(METRICS + receipts.SUFFIX, lambda content: content["outputs"].pop("results/a/0.json"))
    files.write_json("results/a/0.receipt.json", old)
    found = receipts.collect()
    reasons = {path: receipts.key_reasons(receipt, key_of) for path, receipt in found.receipts.items()}
    assert receipts.find_makers(found.receipts, reasons)[METRICS] == METRICS + receipts.SUFFIX


def test_order_of_a_long_chain_and_of_a_circle():
    def chain(names, start):
        pairs = zip([start, *names], names, strict=False)
        return {name: receipts.Receipt(name, {}, {f"{before}.out": ""}, {}, {}, None) for before, name in pairs}

    names = [f"{9999 - index}" for index in range(5000)]
    found = chain(names, "raw")
    assert receipts.producers_first(found, {f"{name}.out": name for name in names}) == names
    circle = chain(["a", "b"], "b")
    assert sorted(receipts.producers_first(circle, {"a.out": "a", "b.out": "b"})) == ["a", "b"]


def report(settings: dict = SETTINGS) -> audit.Report:
    return audit.audit([TABLE], lambda stage, wildcards: key_of(stage, wildcards, settings))


def test_audit_walks_from_the_table_only(place):
    make("fit", [], ["results/orphan.bin"], seed="9")
    Path("results/orphan.bin").write_text("altered")
    Path(GENERATOR).unlink()
    result = report()
    assert result.holds and "orphan" not in tree(result)
    assert tree(result).splitlines()[:3] == [
        "✓ table  results/t.tex",
        "  ✓ measure seed=0  results/a/m.json",
        "    ○ fit seed=0  results/a/g.bin (not here, judged by its receipt)",
    ]
    assert result.as_json()["not_present"] == [GENERATOR] and result.as_json()["receipts"][2]["state"] == "not present"


def test_audit_lists_changed_settings(place):
    result = report({**SETTINGS, "fit": {"lr": 0.3, "net": {"width": 4}}})
    assert not result.holds and result.settings == {"fit.lr: 0.1 -> 0.3": 1}
    assert "    ✗ fit seed=0  results/a/g.bin; fit.lr 0.1 -> 0.3" in tree(result).splitlines()
    assert "results/t.tex: does NOT hold" in tree(result)
    assert json.loads(json.dumps(result.as_json()))["settings"] == {"fit.lr: 0.1 -> 0.3": 1}


def test_audit_of_a_table_without_receipt_or_file(place):
    Path(TABLE).unlink()
    assert "results/t.tex: is not here" in tree(report()) and not report().holds
    Path(TABLE + receipts.SUFFIX).unlink()
    assert "results/t.tex: no receipt says how it was made" in tree(report()) and not report().holds


def test_audit_trusts_no_file_times(place):
    status = Path(METRICS).stat()
    Path(METRICS).write_bytes(Path(METRICS).read_bytes()[:-1] + b"~")
    os.utime(METRICS, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not report().holds and "results/a/m.json is not what its job wrote" in tree(report())


def test_cache_hashes_a_file_once_until_it_changes(place, monkeypatch):
    counted = []
    sha256 = files.sha256
    monkeypatch.setattr(files, "sha256", lambda path: counted.append(path) or sha256(path))
    monkeypatch.setattr("pipeline.workflow.sync.SETTLED_NS", 0)

    def look() -> dict:
        cache = HashCache(Path("cache.json"))
        seen = cache.look(METRICS)
        assert cache.look("results/none") is None
        cache.save()
        return seen

    first = look()
    assert first["sha256"] == sha256(METRICS) and look() == first and counted == [METRICS]
    status = Path(METRICS).stat()
    time.sleep(0.02)
    Path(METRICS).write_bytes(Path(METRICS).read_bytes()[:-1] + b"~")
    os.utime(METRICS, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert look()["sha256"] == sha256(METRICS) != first["sha256"], "same size, time and inode, another content"
    Path("cache.json").write_text("{damaged")
    assert look()["sha256"] == sha256(METRICS) and len(counted) == 3


def test_cache_does_not_remember_a_file_just_written(place):
    cache = HashCache(Path("cache.json"))
    cache.look(METRICS)
    cache.save()
    assert json.loads(Path("cache.json").read_text()) == {}
