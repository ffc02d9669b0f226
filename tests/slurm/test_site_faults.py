"""What goes wrong around the jobs: daemons, nodes, Snakemake itself, another cell of the table."""

import signal

import pytest

from tests.long.killing import assert_same, contents
from tests.slurm import calls
from tests.slurm.calls import IMPATIENT, RUNS, TRAINING, Call, accounted, jobs, processes, step, until
from tests.slurm.faults import TRAIN, begun, extra, frozen, note, saved, states
from tests.workflow.workspace import TABLE

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]


def test_daemons_are_restarted(site, alone, whole, copied, record_property):
    """The job and Snakemake go on as if nothing had happened."""
    workspace = copied(whole)
    call, number = begun(site, workspace)
    node = accounted(site, number, "NodeList")[0]
    site.stop("slurmctld", signal.SIGKILL)
    site.stop(f"slurmd-{node}", signal.SIGKILL)
    site.start(f"slurmd-{node}")
    site.start("slurmctld")
    call.ends()
    assert [(job.number, job.state) for job in jobs(site, workspace, TRAIN)] == [(number, "COMPLETED")]
    assert calls.continued(workspace) == 0
    note(record_property, 0, workspace)
    assert_same(contents(workspace), contents(whole))


def test_snakemake_is_killed_and_started_again(site, whole, copied, record_property):
    """Its job runs on. The new call's job waits for it and finds the work done."""
    workspace = copied(whole)
    first, _ = begun(site, workspace)
    with frozen(workspace):
        first.kill()
        second = Call(workspace, *IMPATIENT, TRAINING)
        until(lambda: "another process makes it; waiting" in calls.log(workspace), "the second job waits")
        assert states(site, workspace) == ["RUNNING", "RUNNING"]
    second.ends()
    assert "the other process finished this job" in calls.log(workspace)
    assert states(site, workspace) == ["COMPLETED", "COMPLETED"] and not calls.CONTINUED.search(calls.log(workspace))
    note(record_property, 0, workspace)
    assert_same(contents(workspace), contents(whole))


def test_a_drained_node_gets_no_more_jobs(site, whole, copied, record_property):
    workspace = copied(whole)
    metrics = f"{RUNS}/panasonic/source_only/train/seed0/metrics_sony.json"
    call, number = begun(site, workspace, metrics)
    node = accounted(site, number, "NodeList")[0]
    site.say("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
    try:
        call.ends()
        (evaluation,) = jobs(site, workspace, "rule_evaluate")
        assert accounted(site, evaluation.number, "NodeList")[0] not in ("", node)
    finally:
        site.say("scontrol", "update", f"nodename={node}", "state=resume")
    assert states(site, workspace) == ["COMPLETED"] and calls.continued(workspace) == 0
    note(record_property, 0, workspace)
    found = contents(workspace)
    assert_same({path: found[path] for path in contents(whole)}, contents(whole))


def test_a_lost_node_puts_its_job_back_in_the_queue(site, whole, copied, record_property):
    """On a node that no other test uses: what it did since its last state is done again, no more."""
    workspace = copied(whole)
    extra(workspace, "--nodelist=spare1")
    call, number = begun(site, workspace)
    told, state = step(workspace), saved(workspace)
    site.say("scontrol", "update", "nodename=spare1", "state=down", "reason=test")
    until(lambda: not processes(workspace, "pipeline.jobs.train"), "the training is killed")
    if site.nodes()["spare1"].startswith("down"):
        site.say("scontrol", "update", "nodename=spare1", "state=resume")
    call.ends()
    assert {job.state for job in jobs(site, workspace, TRAIN)} == {"COMPLETED"}
    assert "Restarts=1" in site.say("scontrol", "show", "job", number)
    assert calls.continued(workspace) >= state
    note(record_property, told, workspace)
    assert_same(contents(workspace), contents(whole))


def test_a_failing_cell_stops_no_other(site, here, tmp_path):
    clone = here.clone(tmp_path / "repo")
    broken = clone.folder / f"{RUNS}/sony/source_only/train/seed0/state.pt"
    broken.parent.mkdir(parents=True)
    broken.write_text("not a state")
    Call(clone, *IMPATIENT, TABLE).ends(code=1)
    right = contents(here)
    own = [path for path in right if "/sony/source_only" not in path and "/tables/" not in path]
    found = contents(clone)
    assert_same({path: found.get(path) for path in own}, {path: right[path] for path in own})
    failed = [job.state for job in jobs(site, clone, TRAIN) if job.state != "COMPLETED"]
    assert failed == ["FAILED"] * 3 and not (clone.folder / TABLE).exists()
    broken.unlink()
    before = len(jobs(site, clone))
    Call(clone, *IMPATIENT, TABLE).ends()
    assert len(jobs(site, clone)) == before + 2  # that training and its evaluation
    assert_same(contents(clone), right)
