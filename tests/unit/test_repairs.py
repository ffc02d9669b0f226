"""Repairs of Snakemake and its SLURM plugin. A test named `..._alone_...` fails once the package is mended: remove the repair."""

import asyncio
import logging
import os
import re
import subprocess
import sys
import threading
import time
import types
from types import SimpleNamespace

import pytest
import snakemake_executor_plugin_slurm as slurm

from pipeline.workflow import repairs
from tests.workflow.workspace import ROOT

SNAKEFILE = """
import os, sys
sys.path.insert(0, {root!r})
from snakemake.scheduling.job_scheduler import JobScheduler
from pipeline.workflow import repairs

if {mended}:
    repairs.install_main()
look, looks = JobScheduler.job_selector, []
JobScheduler.job_selector = lambda self, jobs: looks.append(len(jobs)) or look(self, jobs)

rule all:
    input: [f"{{n}}.txt" for n in range(12)]

rule one:
    output: "{{n}}.txt"
    shell: "sleep 0.2; touch {{output}}"

onsuccess: print("looked", len(looks), "times")
"""
SIGTERM = """
import os, subprocess, sys, threading, time, types
from snakemake.scheduling.job_scheduler import JobScheduler
from pipeline.workflow import repairs

if sys.argv[1] == "mended":
    repairs.install_job()
job = subprocess.Popen(["bash", "-c", "sleep 60; echo the shell went on"])
while not any(repairs.programs(os.getpid())):
    time.sleep(0.05)
scheduler = types.SimpleNamespace(_lock=threading.Lock(), _open_jobs=threading.Semaphore(0), _user_kill=None)
JobScheduler.exit_gracefully(scheduler, 15, None)
try:
    print(job.wait(timeout=float(sys.argv[2])), scheduler._user_kill)
except subprocess.TimeoutExpired:
    print("not told", scheduler._user_kill)
    for pid in repairs.programs(os.getpid()):
        os.kill(pid, 9)
"""


def asked(free: int, queued: bool = False) -> types.SimpleNamespace:
    """What of a scheduler is asked: a limiter with `free` places, or none; whether it waits for queued input."""
    dag = types.SimpleNamespace(has_unfinished_queue_input_jobs=lambda: queued)
    limiter = None if free is None else types.SimpleNamespace(get_free_jobs=lambda: free)
    return types.SimpleNamespace(
        job_rate_limiter=limiter, workflow=types.SimpleNamespace(dag=dag), _open_jobs=threading.Semaphore(0)
    )


def test_nothing_is_asked_while_the_limit_holds_nothing_back():
    one = asked(free=3)
    repairs.wake_later(one, 0.05)
    assert not one._open_jobs.acquire(timeout=0.5)


@pytest.mark.parametrize("one", [asked(free=0), asked(free=None), asked(free=3, queued=True)])
def test_who_waits_is_woken_once_however_often_he_asks(one):
    for _ in range(5):
        repairs.wake_later(one, 0.05)
    assert one._open_jobs.acquire(timeout=5)
    assert not one._open_jobs.acquire(timeout=0.5)
    repairs.wake_later(one, 0.05)
    assert one._open_jobs.acquire(timeout=5)


def test_who_asks_while_he_is_woken_is_woken_again():
    one, woken = asked(free=0), []

    def release() -> None:
        woken.append(time.monotonic())
        if len(woken) < 3:
            repairs.wake_later(one, 0.02)

    one._open_jobs = types.SimpleNamespace(release=release)
    repairs.wake_later(one, 0.02)
    deadline = time.monotonic() + 10
    while len(woken) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run(folder, *words: str, mended: bool = True) -> int:
    """How often Snakemake looked at the jobs of a small workflow."""
    (folder / "Snakefile").write_text(SNAKEFILE.format(root=str(ROOT), mended=mended))
    line = [sys.executable, "-m", "snakemake", "--scheduler", "greedy", *words]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and len(list(folder.glob("*.txt"))) == 12, done.stderr[-3000:]
    return int(re.search(r"looked (\d+) times", done.stdout + done.stderr)[1])


def test_a_workflow_is_looked_at_once_for_every_job_that_ends(tmp_path):
    """Twelve and `all`."""
    assert run(tmp_path, "-c1") == 13


def test_snakemake_alone_looks_more_often_than_jobs_end(tmp_path):
    """Another time per second for every job that has ended."""
    assert run(tmp_path, "-c1", mended=False) > 13


def test_a_limit_holds_jobs_back_and_lets_them_go(tmp_path):
    """Four at once, four a second later, four two seconds later."""
    run(tmp_path, "-c12", "--max-jobs-per-timespan", "4/1s")
    written = [path.stat().st_mtime for path in tmp_path.glob("*.txt")]
    assert max(written) - min(written) > 1.5


def test_the_program_is_found_behind_its_shell():
    shell = subprocess.Popen(["bash", "-c", "sleep 60; true"])
    try:
        deadline = time.monotonic() + 20
        while not (found := list(repairs.programs(shell.pid))):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert shell.pid not in found and set(found) <= set(repairs.programs(os.getpid()))
    finally:
        for pid in found:
            os.kill(pid, 9)
        shell.wait()


def sigterm(*words: str) -> list[str]:
    """What a scheduler that gets SIGTERM says of its job, and the shell of the job."""
    done = subprocess.run([sys.executable, "-c", SIGTERM, *words], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_scheduler_tells_its_jobs_and_waits_for_them():
    assert sigterm("mended", "20") == ["the shell went on", "0 graceful"]


def test_snakemake_alone_tells_its_jobs_nothing():
    assert sigterm("alone", "2")[0] == "not told graceful"


@pytest.fixture
def alone(monkeypatch):
    """The functions of the SLURM plugin as they are shipped; those with the repairs are in the plugin until the test ends."""
    shipped = SimpleNamespace(submit=slurm.get_submit_command, query=slurm.query_job_status)
    monkeypatch.setattr(slurm, "get_submit_command", shipped.submit)
    monkeypatch.setattr(slurm, "query_job_status", shipped.query)
    repairs._mend_slurm_plugin(slurm)
    return shipped


PARAMS = dict.fromkeys(("run_uuid", "slurm_logfile", "comment_str", "account", "partition", "workdir"), "x")
JOB = SimpleNamespace(resources={}, threads=1)


def test_only_names_of_nodes_are_excluded(alone):
    assert "--exclude" not in slurm.get_submit_command(JOB, PARAMS, failed_nodes={"None assigned"})
    assert "--exclude=n1 " in slurm.get_submit_command(JOB, PARAMS, failed_nodes={"None assigned", "n1", ""})
    assert "--exclude" not in slurm.get_submit_command(JOB, PARAMS)


def test_the_slurm_plugin_alone_excludes_a_node_of_no_name(alone):
    assert "--exclude=None assigned" in alone.submit(JOB, PARAMS, failed_nodes={"None assigned"})


SACCT = "printf '7|CANCELLED by 1000\\n8|RUNNING\\n'"


def test_a_cancelled_job_is_known_as_such(alone):
    states, seconds = asyncio.run(slurm.query_job_status(SACCT, logging.getLogger()))
    assert states == {"7": "CANCELLED", "8": "RUNNING"} and seconds > 0
    assert asyncio.run(slurm.query_job_status("true", logging.getLogger()))[0] == {}
    assert asyncio.run(slurm.query_job_status("false", logging.getLogger())) == (None, None)


def test_the_slurm_plugin_alone_does_not_know_who_cancelled(alone):
    assert asyncio.run(alone.query(SACCT, logging.getLogger()))[0]["7"] == "CANCELLED by 1000"
