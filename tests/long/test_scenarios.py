"""Every rerun scenario from a real `git clone` of a finished, published workspace: exactly these jobs, no more, no less."""

import json

import pytest

from tests.long import changes
from tests.long.finished import Record, finished_workspace, named, shared_folder
from tests.long.jobs import ADAPTED, NOTHING, shown
from tests.long.scenarios import SCENARIOS, Scenario
from tests.workflow.workspace import CROSS, REPORT, TABLE, Workspace

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

TARGETS = (TABLE, CROSS, REPORT)
RATE = "methods.dada.stages.adapt.schedule.small.lr"
GENERATOR = f"{changes.ADAPT}/{changes.GENERATOR}"


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id) -> Workspace:
    return finished_workspace(shared_folder(tmp_path_factory, worker_id))


@pytest.fixture(scope="session")
def record(tmp_path_factory, worker_id):
    record = Record(shared_folder(tmp_path_factory, worker_id))
    yield record
    print(f"\n{record.folder}/scenarios.md\n{record.table()}")


@pytest.fixture
def expect(record):
    """Compare the jobs of a dry run with what a scenario expects, and note both."""

    def expect(scenario: str, clone: Workspace, jobs: frozenset[str], *targets: str, more: str = "", **options) -> None:
        observed = named(clone.planned(*(targets or TARGETS), **options))
        record.add(scenario, jobs, observed, more)
        assert observed == jobs, f"{scenario}: expected {shown(jobs)}; observed {shown(observed)}"

    return expect


def start(finished: Workspace, place, pulled: tuple[str, ...] | None) -> Workspace:
    return finished.clone(place) if pulled is None else finished.pulled(place, *pulled)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(finished, expect, tmp_path, scenario: Scenario):
    clone = start(finished, tmp_path / "a clone", scenario.pulled)
    scenario.change(clone)
    told = "run; then nothing, audit clean" if scenario.run else ""
    expect(scenario.name, clone, scenario.jobs, *scenario.targets, strict=scenario.strict, more=told)
    assert clone.holds(*scenario.targets) == (not scenario.jobs), clone.said[-3000:]
    if scenario.run:
        clone.snakemake("-c1", "--", *scenario.targets)
        assert clone.planned(*scenario.targets) == set()
        assert clone.holds(*scenario.targets), clone.said[-3000:]


def test_nothing_pulled_is_said_by_the_audit(finished, tmp_path):
    clone = finished.clone(tmp_path / "a clone")
    assert clone.holds(TABLE, CROSS)
    assert "○" in clone.said and "✗" not in clone.said


def test_changed_run_published_and_back_again(finished, expect, tmp_path):
    """A change is run and committed; older and newer commits with their data have nothing to do; a revert by hand has."""
    clone = finished.pulled(tmp_path / "a clone")
    clone.use_store(tmp_path / "store")
    changes.setting(RATE, 4e-4)(clone)
    clone.snakemake("-c1", "--", *TARGETS)
    expect("changed rate, run", clone, NOTHING)
    assert clone.holds(*TARGETS), clone.said
    clone.publish("another rate")

    clone.git("checkout", "-q", "HEAD~1")
    expect("git checkout of the commit before", clone, ADAPTED)
    clone.dvc("checkout")
    expect("git checkout of the commit before, dvc checkout", clone, NOTHING, strict=True)
    assert clone.holds(*TARGETS), clone.said
    clone.git("checkout", "-q", "main")
    clone.dvc("checkout")
    expect("and forward again", clone, NOTHING, strict=True)
    assert clone.holds(*TARGETS), clone.said
    changes.setting(RATE, 3e-4)(clone)
    expect("changed rate, run, changed back by hand", clone, ADAPTED)


def test_stash(finished, expect, tmp_path):
    """`git stash` takes small files back, not those of DVC."""
    clone = finished.pulled(tmp_path / "a clone")
    changes.setting(RATE, 4e-4)(clone)
    clone.snakemake("-c1", "--", TABLE)
    clone.git("stash", "-q")
    expect("changed rate, run, git stash", clone, ADAPTED)
    assert not clone.holds(TABLE) and GENERATOR in clone.said
    clone.git("stash", "pop", "-q")
    # The table was made, the report and its crops were not.
    expect("git stash pop", clone, frozenset({"crops of dada P→S", "report"}))


def test_rerun_of_one_cell(finished, expect, tmp_path):
    """An auditor makes one run again: same bytes, only the informational part of its receipts differs."""
    clone = finished.pulled(tmp_path / "a clone")
    before = (clone.folder / GENERATOR).read_bytes()
    (clone.folder / GENERATOR).unlink()
    expect("one generator deleted and asked for", clone, frozenset({"adapt P→S"}), GENERATOR)
    clone.snakemake("-c1", "--", GENERATOR)
    assert (clone.folder / GENERATOR).read_bytes() == before
    assert clone.git("status", "--porcelain").split() == ["M", f"{GENERATOR}.receipt.json"]
    new = json.loads((clone.folder / f"{GENERATOR}.receipt.json").read_text())
    old = json.loads(clone.git("show", f"HEAD:{GENERATOR}.receipt.json"))
    assert {name for name in new if new[name] != old[name]} == {"run", "seal"}
    expect("one cell made again", clone, NOTHING, strict=True)
    assert clone.holds(*TARGETS), clone.said


def branch(clone: Workspace, name: str, change: changes.Change, *targets: str) -> None:
    """A branch from main on which a change was made, run and committed."""
    clone.git("checkout", "-q", "-b", name, "main")
    change(clone)
    clone.snakemake("-c1", "--", *targets)
    clone.commit(name)


def test_branches_merged(finished, expect, tmp_path):
    clone = finished.pulled(tmp_path / "a clone")
    title = "tables.{}.title"
    branch(clone, "one", changes.setting(title.format("dada_simcam"), "One"), TABLE)
    branch(clone, "two", changes.setting(title.format("dada_simcam_crossdevice"), "Two"), CROSS)
    clone.git("merge", "-q", "-m", "merged", "one")
    expect("two branches merged, each ran its table", clone, frozenset({"report"}))
    assert clone.holds(TABLE, CROSS), clone.said

    branch(clone, "three", changes.setting(title.format("dada_simcam"), "Three"), TABLE)
    clone.git("checkout", "-q", "one")
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    done = clone.run("git", *identity, "merge", "three", check=False)
    assert done.returncode != 0 and "CONFLICT" in done.stdout
    clone.git("checkout", "--ours", "params")
    done = clone.snakemake("-n", "--", TABLE, check=False)
    assert f"{TABLE}.receipt.json: not valid JSON" in done.stdout + done.stderr
    assert not clone.holds(TABLE) and f"{TABLE}.receipt.json: not valid JSON" in clone.said
    clone.git("checkout", "--theirs", "results")
    expect("merge: our settings, their results", clone, frozenset({"table"}), TABLE)
    clone.git("checkout", "--ours", "results")
    expect("merge: our settings, our results", clone, NOTHING, TABLE)
    assert clone.holds(TABLE), clone.said


def test_records_of_snakemake_do_not_matter(finished, expect, tmp_path):
    """`snakemake --touch` writes down that everything is as of now, and the cache can be deleted: receipts decide."""
    clone = finished.pulled(tmp_path / "a clone")
    changes.setting(RATE, 4e-4)(clone)
    clone.snakemake("-c1", "--touch", "--", *TARGETS)
    expect("changed rate, snakemake --touch", clone, ADAPTED)
    clone.run("rm", "-r", ".snakemake")
    expect("changed rate, .snakemake deleted", clone, ADAPTED)
    clone.git("checkout", "-q", "params.yaml", "params")
    expect("and the rate as it was", clone, NOTHING)
