"""What goes wrong on a cluster, done to a real SLURM: nothing is lost, nothing torn, nothing trained twice."""

import os
import signal
from collections.abc import Callable

import pytest
import torch

from tests.long.killing import assert_same, assert_whole, contents
from tests.slurm import calls
from tests.slurm.calls import IMPATIENT, RUNS, TRAINING, Call, accounted, jobs, processes, running, step, until
from tests.slurm.conftest import LONGER
from tests.workflow.workspace import TABLE, Workspace

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]
TRAIN = "rule_train_source_only_train"


def saved(workspace: Workspace) -> int:
    """Step of the saved state, 0 without one."""
    path = (workspace.folder / TRAINING).with_name("state.pt")
    return torch.load(path, weights_only=True)["step"] if path.exists() else 0


def begun(site, workspace: Workspace, *words: str) -> tuple[Call, str]:
    """A call whose training runs and has saved a state; the call and the number of SLURM's job."""
    call = Call(workspace, *IMPATIENT, *words, TRAINING)
    number = running(site, workspace, TRAIN)
    until(lambda: saved(workspace) > 0, "a saved state")
    return call, number


def states(site, workspace: Workspace) -> list[str]:
    """State of every attempt of the training."""
    return [job.state for job in jobs(site, workspace, TRAIN)]


def note(record_property, told: int, workspace: Workspace) -> None:
    """Steps done twice, for the report of the tests."""
    repeated = max(0, told - calls.continued(workspace))
    record_property("steps_repeated", repeated)
    print(f"told step {told}, went on after step {calls.continued(workspace)}: {repeated} steps repeated")


def extra(workspace: Workspace, words: str) -> None:
    """Other words for sbatch in the workspace's profile."""
    path = workspace.folder / "slurm/config.yaml"
    text = path.read_text()
    assert "--signal=TERM@120" in text
    path.write_text(text.replace("--signal=TERM@120", words))


def train_resources(**asked: int) -> Callable[[dict], None]:
    """An edit of params.yaml: what a training asks for, and more attempts than a slow machine needs."""

    def edit(params: dict) -> None:
        params["editions"]["small"]["resources"]["train"] |= asked
        params["retries"] = 9

    return edit


def test_a_cancelled_training_goes_on(site, whole, copied, record_property):
    workspace = copied(whole)
    call, number = begun(site, workspace)
    told = step(workspace)
    site.say("scancel", number)
    until(lambda: states(site, workspace)[0] == "CANCELLED", "the job is cancelled")
    assert_whole(workspace, TRAINING, contents(whole))
    call.ends()
    assert states(site, workspace) == ["CANCELLED", "COMPLETED"]
    # It was told before it was killed, so it saved where it was.
    assert calls.continued(workspace) >= told
    note(record_property, told, workspace)
    assert_same(contents(workspace), contents(whole))


def test_near_its_time_limit_a_training_saves_and_goes_on_in_another_job(site, whole_longer, copied, record_property):
    workspace = copied(whole_longer)
    workspace.change(train_resources(runtime=1))
    extra(workspace, "--signal=TERM@15")
    call = Call(workspace, *IMPATIENT, TRAINING)
    first = running(site, workspace, TRAIN)
    until(lambda: "stopped by SIGTERM after step" in calls.log(workspace), "the warning")
    stopped = saved(workspace)
    assert 0 < stopped < LONGER
    call.ends()
    assert states(site, workspace)[0] == "FAILED" and states(site, workspace)[-1] == "COMPLETED"
    # Stopped by itself, before the limit; a second attempt has the same limit.
    assert accounted(site, first, "TimelimitRaw", "State") == ["1", "FAILED"]
    assert calls.continued(workspace) >= stopped
    note(record_property, stopped, workspace)
    assert_same(contents(workspace), contents(whole_longer))


def test_the_limit_itself_without_a_warning(site, whole_longer, copied, record_property):
    """SLURM sends SIGTERM and some seconds later SIGKILL."""
    workspace = copied(whole_longer)
    workspace.change(train_resources(runtime=1))
    extra(workspace, "--no-kill")
    call = Call(workspace, *IMPATIENT, TRAINING)
    running(site, workspace, TRAIN)
    until(lambda: states(site, workspace)[0] == "TIMEOUT", "the limit")
    told = step(workspace)
    call.ends()
    found = states(site, workspace)
    assert found == ["TIMEOUT"] * (len(found) - 1) + ["COMPLETED"]
    note(record_property, told, workspace)
    assert calls.continued(workspace) > 0
    assert_same(contents(workspace), contents(whole_longer))


def test_a_signal_that_reaches_only_what_slurm_started(site, whole, copied, record_property):
    """As where jobs are kept in control groups: Snakemake on the node is told, and tells the training."""
    workspace = copied(whole)
    call, _ = begun(site, workspace)
    (top,) = processes(workspace, "snakemake", without="slurm-jobstep")
    told = step(workspace)
    os.kill(top, signal.SIGTERM)
    until(lambda: "stopped by SIGTERM after step" in calls.log(workspace), "the training was told")
    call.ends()
    assert states(site, workspace) == ["FAILED", "COMPLETED"]
    assert calls.continued(workspace) >= told
    note(record_property, told, workspace)
    assert_same(contents(workspace), contents(whole))


def test_a_requeued_job_goes_on_under_its_number(site, whole, copied, record_property):
    workspace = copied(whole)
    call, number = begun(site, workspace)
    told = step(workspace)
    site.say("scontrol", "requeue", number)
    call.ends()
    assert [(job.number, job.state) for job in jobs(site, workspace, TRAIN)] == [(number, "COMPLETED")]
    assert "Restarts=1" in site.say("scontrol", "show", "job", number)
    assert calls.continued(workspace) >= told
    note(record_property, told, workspace)
    assert_same(contents(workspace), contents(whole))


def test_daemons_are_restarted(site, whole, copied, record_property):
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
    first.kill()
    second = Call(workspace, *IMPATIENT, TRAINING)
    until(lambda: "another process makes it; waiting" in calls.log(workspace), "the second job waits")
    assert [job.state for job in jobs(site, workspace, TRAIN)] == ["RUNNING", "RUNNING"]
    second.ends()
    assert "Removed the lock that a killed Snakemake left" in second.said
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
    until(lambda: not processes(workspace, "pipeline.train"), "the training is killed")
    if site.nodes()["spare1"].startswith("down"):
        site.say("scontrol", "update", "nodename=spare1", "state=resume")
    call.ends()
    assert {job.state for job in jobs(site, workspace, TRAIN)} == {"COMPLETED"}
    assert "Restarts=1" in site.say("scontrol", "show", "job", number)
    assert calls.continued(workspace) >= state
    note(record_property, told, workspace)
    assert_same(contents(workspace), contents(whole))


def test_short_of_memory_the_next_attempt_asks_for_more(site, whole, copied, record_property):
    workspace = copied(whole)
    workspace.change(train_resources(mem_mb=500))
    Call(workspace, *IMPATIENT, TRAINING).ends()
    found = jobs(site, workspace, TRAIN)
    asked = [accounted(site, job.number, "ReqMem", "State") for job in found]
    assert asked[0] == ["500M", "OUT_OF_MEMORY"] and asked[1][0] == "750M", asked
    assert asked[-1][1] == "COMPLETED"
    note(record_property, 0, workspace)
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
