"""The repair of Snakemake's scheduler: it looks at jobs when there is something to see, and never sleeps for good."""

import re
import subprocess
import sys
import threading
import time
import types

import pytest

from pipeline.workflow import scheduler
from tests.workflow.workspace import ROOT

SNAKEFILE = """
import sys
sys.path.insert(0, {root!r})
from snakemake.scheduling.job_scheduler import JobScheduler
from pipeline.workflow import scheduler

scheduler.install()
look, looks = JobScheduler.job_selector, []
JobScheduler.job_selector = lambda self, jobs: looks.append(len(jobs)) or look(self, jobs)

rule all:
    input: [f"{{n}}.txt" for n in range(12)]

rule one:
    output: "{{n}}.txt"
    shell: "sleep 0.2; touch {{output}}"

onsuccess: print("looked", len(looks), "times")
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
    scheduler.ask(one, 0.05)
    assert not one._open_jobs.acquire(timeout=0.5)


@pytest.mark.parametrize("one", [asked(free=0), asked(free=None), asked(free=3, queued=True)])
def test_who_waits_is_woken_once_however_often_he_asks(one):
    for _ in range(5):
        scheduler.ask(one, 0.05)
    assert one._open_jobs.acquire(timeout=5)
    assert not one._open_jobs.acquire(timeout=0.5)
    scheduler.ask(one, 0.05)
    assert one._open_jobs.acquire(timeout=5)


def test_who_asks_while_he_is_woken_is_woken_again():
    one, woken = asked(free=0), []

    def release() -> None:
        woken.append(time.monotonic())
        if len(woken) < 3:
            scheduler.ask(one, 0.02)

    one._open_jobs = types.SimpleNamespace(release=release)
    scheduler.ask(one, 0.02)
    deadline = time.monotonic() + 10
    while len(woken) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run(folder, *words: str) -> int:
    """How often Snakemake looked at the jobs of a small workflow."""
    (folder / "Snakefile").write_text(SNAKEFILE.format(root=str(ROOT)))
    line = [sys.executable, "-m", "snakemake", "--scheduler", "greedy", *words]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and len(list(folder.glob("*.txt"))) == 12, done.stderr[-3000:]
    return int(re.search(r"looked (\d+) times", done.stdout + done.stderr)[1])


def test_a_workflow_is_looked_at_once_for_every_job_that_ends(tmp_path):
    """Twelve and `all`. As it is shipped it looks another time per second for every job that has ended."""
    assert run(tmp_path, "-c1") == 13


def test_a_limit_holds_jobs_back_and_lets_them_go(tmp_path):
    """Four at once, four a second later, four two seconds later."""
    run(tmp_path, "-c12", "--max-jobs-per-timespan", "4/1s")
    written = [path.stat().st_mtime for path in tmp_path.glob("*.txt")]
    assert max(written) - min(written) > 1.5
