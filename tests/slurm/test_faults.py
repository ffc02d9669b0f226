"""What ends a training before its time, done to a real SLURM: nothing is lost, nothing torn, no bit is different."""

import os
import signal

import pytest

from tests.long.killing import assert_same, assert_whole, contents
from tests.slurm import calls
from tests.slurm.calls import IMPATIENT, TRAINING, Call, accounted, jobs, processes, running, step, until
from tests.slurm.conftest import STEPS
from tests.slurm.faults import TRAIN, begun, extra, note, saved, slowed, states, train_resources, unlimited

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]


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


def test_near_its_time_limit_a_training_saves_and_goes_on_in_another_job(site, whole, copied, record_property):
    workspace = copied(whole)
    # SLURM looks every half minute and may be half a minute early: the warning comes after one minute or a little more.
    workspace.change(train_resources(runtime=2))
    extra(workspace, "--signal=TERM@30")
    call = Call(workspace, *IMPATIENT, TRAINING)
    first = running(site, workspace, TRAIN)
    with slowed(workspace):
        until(lambda: "stopped by SIGTERM after step" in calls.log(workspace), "the warning")
    stopped = saved(workspace)
    assert 0 < stopped < STEPS
    unlimited(site, workspace, "FAILED")
    call.ends()
    assert states(site, workspace) == ["FAILED", "COMPLETED"]
    # Stopped by itself, before the limit.
    assert accounted(site, first, "TimelimitRaw", "State") == ["2", "FAILED"]
    assert calls.continued(workspace) >= stopped
    note(record_property, stopped, workspace)
    assert_same(contents(workspace), contents(whole))


def test_the_limit_itself_without_a_warning(site, whole, copied, record_property):
    """SLURM sends SIGTERM and some seconds later SIGKILL."""
    workspace = copied(whole)
    workspace.change(train_resources(runtime=1))
    extra(workspace, "--no-kill")
    call = Call(workspace, *IMPATIENT, TRAINING)
    running(site, workspace, TRAIN)
    with slowed(workspace):
        until(lambda: states(site, workspace)[0] == "TIMEOUT", "the limit")
    told = step(workspace)
    unlimited(site, workspace, "TIMEOUT")
    call.ends()
    assert states(site, workspace) == ["TIMEOUT", "COMPLETED"]
    note(record_property, told, workspace)
    assert calls.continued(workspace) > 0
    assert_same(contents(workspace), contents(whole))


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


def test_short_of_memory_the_next_attempt_asks_for_more(site, whole, copied, record_property):
    workspace = copied(whole)
    workspace.change(train_resources(mem_mb=600))
    Call(workspace, *IMPATIENT, TRAINING).ends()
    found = jobs(site, workspace, TRAIN)
    asked = [accounted(site, job.number, "ReqMem")[0] for job in found]
    assert len(found) > 1 and asked == ["600M", "900M", "1200M"][: len(found)]
    # The job's number names sbatch's log, which is kept of a job that failed.
    (said,) = (workspace.folder / ".snakemake/slurm_logs").rglob(f"{found[0].number}.log")
    assert "exceeded memory limit" in said.read_text() and found[-1].state == "COMPLETED"
    note(record_property, 0, workspace)
    assert_same(contents(workspace), contents(whole))
