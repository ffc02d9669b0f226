"""Signals passed on to the programs of jobs, past the shells that run them."""

import os
import subprocess
import sys
import time

from pipeline.workflow import relay
from tests.workflow.workspace import ROOT

SCRIPT = """
import os, subprocess, threading, time, types
from snakemake.scheduling.job_scheduler import JobScheduler
from pipeline.workflow import relay

relay.install()
job = subprocess.Popen(["bash", "-c", "sleep 60; echo the shell went on"])
while not any(relay.programs(os.getpid())):
    time.sleep(0.05)
scheduler = types.SimpleNamespace(_lock=threading.Lock(), _open_jobs=threading.Semaphore(0), _user_kill=None)
JobScheduler.exit_gracefully(scheduler, 15, None)
print(job.wait(timeout=20), scheduler._user_kill)
"""


def test_the_program_is_found_behind_its_shell():
    shell = subprocess.Popen(["bash", "-c", "sleep 60; true"])
    try:
        deadline = time.monotonic() + 20
        while not (found := [pid for pid in relay.programs(shell.pid)]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert shell.pid not in found and set(found) <= set(relay.programs(os.getpid()))
    finally:
        for pid in found:
            os.kill(pid, 9)
        shell.wait()


def test_the_scheduler_tells_its_jobs_and_waits_for_them():
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["the shell went on", "0 graceful"], done.stderr
