"""The one line, one Ctrl-C, what is shown of an error; runs of the real Snakemake."""

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from pipeline.workflow import job_events
from pipeline.workflow.board import Board, clock
from pipeline.workflow.progress import _Events, run

ROOT = Path(__file__).parents[2]
FOLDER = "results/runs/simcam_x4/real/sony/dada/circle/seed0"
CIRCLE = {"dataset": "simcam", "setting": "real", "cameras": "sony", "method": "dada", "stage": "circle"}


def planned(number: int, rule: str, needs: tuple[int, ...] = (), steps: int | None = None, **others) -> dict:
    job = {"id": number, "rule": rule, "wildcards": {}, "steps": steps, "folder": None, "uses": {"_cores": 1}}
    return job | {"needs": list(needs)} | others


@pytest.fixture
def board(tmp_path, monkeypatch) -> Board:
    """A training of 300 steps, guessed to take 3 + 30 seconds, its evaluation, guessed to take 6, and `all`."""
    monkeypatch.chdir(tmp_path)
    board = Board()
    training = planned(2, "train_new", steps=300, folder=FOLDER, wildcards=CIRCLE)
    jobs = [planned(0, "all", [1]), planned(1, "evaluate", [2], wildcards={"camera": "sony"}), training]
    board.feed({"event": "plan", "time": 0.0, "limits": {"_cores": 2}, "jobs": jobs})
    return board


def tell(**state) -> None:
    Path(FOLDER).mkdir(parents=True, exist_ok=True)
    Path(FOLDER, "progress.json").write_text(json.dumps(state))


def test_before_anything_has_started_all_is_guessed(board):
    assert board.measure(now=0.0) == (0.0, pytest.approx(33 + 6)), (
        "the second core does not help: one waits for the other"
    )
    assert "  0% | 0/3 jobs | 0:05 elapsed | about 0:39 left" in board.line(elapsed=5.0, now=0.0)


def test_a_training_shows_its_step_and_pace(board):
    board.feed({"event": "start", "time": 10.0, "id": 2})
    tell(step=150, steps=300, rate=5.0)
    board.look(now=43.0)
    share, left = board.measure(now=43.0)
    # 30 seconds of 63 are left; so the guess for it was too short, and that for the evaluation is taken to be, too.
    assert 0.4 < share < 0.5 and left > 30 + 6
    line = board.line(elapsed=45.0, now=43.0)
    assert "train_new dada circle real sony 150/300 (5 steps/s)" in line
    Path(FOLDER, "progress.json").unlink()
    board.look(now=74.0)
    assert board.jobs[2].step == 300, "complete, though Snakemake has not said so yet"
    board.feed({"event": "finish", "time": 75.0, "id": 2})
    assert board.done == 1 and board.running == []


def test_a_job_that_lasts_longer_than_estimated_is_never_almost_done(board):
    """Its machine is slow: the evaluation will take longer, too."""
    board.feed({"event": "start", "time": 0.0, "id": 2})
    board.look(now=330.0)
    share, left = board.measure(now=330.0)
    assert share < 0.9 and left > 33 + 2 * 6


def test_a_half_written_state_says_nothing(board):
    board.feed({"event": "start", "time": 0.0, "id": 2})
    tell(step=10, rate=5.0)
    board.look(now=5.0)
    Path(FOLDER, "progress.json").write_text('{"st')
    board.look(now=5.0)
    assert board.jobs[2].step == 10


def test_a_job_that_is_started_again_begins_again(board):
    board.feed({"event": "start", "time": 0.0, "id": 2})
    tell(step=200, rate=5.0)
    board.look(now=5.0)
    board.feed({"event": "fail", "time": 50.0, "id": 2, "rule": "train_new", "output": [], "log": [], "message": None})
    board.feed({"event": "start", "time": 50.0, "id": 2})
    assert board.jobs[2].started == 50.0 and board.jobs[2].step == 0 and len(board.failures) == 1


def test_never_complete_before_the_last_job_has_ended(board):
    for number in (2, 1):
        board.feed({"event": "start", "time": 0.0, "id": number})
        board.feed({"event": "finish", "time": 1.0, "id": number})
    assert " 99% | 2/3 jobs" in board.line(elapsed=2.0, now=1.0)
    board.feed({"event": "start", "time": 1.0, "id": 0})
    board.feed({"event": "finish", "time": 1.0, "id": 0})
    assert "100% | 3/3 jobs | 0:02 elapsed | about 0:00 left" in board.line(elapsed=2.0, now=1.0)


def test_a_resource_that_runs_out_is_counted():
    """Four jobs of 10 seconds, on many cores but on one GPU."""
    jobs = [planned(number, "pack", uses={"_cores": 1, "gpu": 1}) for number in range(4)]
    board = Board()
    board.feed({"event": "plan", "time": 0.0, "limits": {"_cores": 64, "gpu": 1, "downloads": 0}, "jobs": jobs})
    assert board.measure(now=0.0) == (0.0, pytest.approx(40))


def test_clock():
    assert [clock(5.4), clock(65), clock(3661)] == ["0:05", "1:05", "1:01:01"]


def test_events_are_read_once_and_whole(tmp_path):
    path = tmp_path / "events"
    reader = _Events(path)
    assert list(reader.new()) == []
    path.write_text('{"id": 1}\n{"i')
    assert list(reader.new()) == [{"id": 1}]
    with open(path, "a") as file:
        file.write('d": 2}\n')
    assert list(reader.new()) == [{"id": 2}] and list(reader.new()) == []


FAKE = """
import json, signal, sys, time
hits = []
signal.signal(signal.SIGINT, lambda *_: hits.append(1))
job = {"id": 0, "rule": "a", "wildcards": {}}
with open(sys.argv[1], "w") as events:
    print(json.dumps({"event": "plan", "time": time.time(), "limits": {"_cores": 1}, "jobs": [job]}), file=events)
    print(json.dumps({"event": "start", "time": time.time(), "id": 0}), file=events)
open("started", "w").close()
end = time.monotonic() + 20
while not hits and time.monotonic() < end:
    time.sleep(0.05)
time.sleep(0.6)
open("hits", "w").write(str(len(hits)))
sys.exit(1)
"""
WRAPPER = """
import sys
from pathlib import Path
from pipeline.workflow.progress import run
sys.exit(run([sys.executable, "fake.py", "events"], Path("log.txt"), Path("events"), sys.stdout))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupts_reach_the_child_exactly_once(tmp_path, number):
    (tmp_path / "fake.py").write_text(FAKE)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WRAPPER]
    wrapper = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 30
    while not (tmp_path / "started").exists() and time.monotonic() < end:
        time.sleep(0.05)
    wrapper.send_signal(number)
    time.sleep(0.2)
    wrapper.send_signal(number)
    out, _ = wrapper.communicate(timeout=30)
    assert (tmp_path / "hits").read_text() == "1"
    assert wrapper.returncode == 130
    assert "goes on from here" in out


SNAKEFILE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pipeline.workflow import job_events

onstart:
    job_events.plan(workflow)

rule all:
    input: "a.txt", "b.txt"
rule train_x:
    output: "a.txt"
    resources: steps=40
    shell: "touch {{output}}"
rule bad:
    input: "a.txt"
    output: "b.txt"
    log: "bad.log"
    shell: "(seq 100; echo the reason; exit 3) > {{log}} 2>&1"
"""


@pytest.fixture
def snakemake(tmp_path, monkeypatch):
    """A call behind the progress line: (exit code, what is shown, events)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    Path("Snakefile").write_text(textwrap.dedent(SNAKEFILE))
    events = Path("log/events")

    def call(*words: str) -> tuple[int, str, list[dict]]:
        out = io.StringIO()
        code = run(job_events.command(["-c1", *words], events), Path("log/all.txt"), events, out)
        return code, out.getvalue(), list(_Events(events).new())

    return call


def test_with_the_real_snakemake(snakemake):
    code, shown, events = snakemake("--quiet", "all")
    assert code != 0 and " 1/3 jobs" in shown
    assert "Error in rule bad: b.txt\n--- the end of bad.log\n" in shown and "\n100\nthe reason\n" in shown
    assert "\n50\n" not in shown and "non-zero exit" not in shown
    plan = events[0]
    assert plan["event"] == "plan" and plan["limits"] == {"_cores": 1}
    jobs = {job["rule"]: job for job in plan["jobs"]}
    assert jobs["train_x"]["steps"] == 40 and jobs["train_x"]["folder"] == "." and jobs["all"]["steps"] is None
    assert jobs["bad"]["needs"] == [jobs["train_x"]["id"]]
    told = [(event["event"], event["id"]) for event in events[1:] if "id" in event]
    train, bad = jobs["train_x"]["id"], jobs["bad"]["id"]
    assert told == [("start", train), ("finish", train), ("start", bad), ("fail", bad)]


def test_nothing_to_do_and_no_such_target(snakemake):
    assert snakemake("--", "a.txt")[0] == 0
    assert snakemake("--", "a.txt")[:2] == (0, "planning ...\nNothing to be done.\n")
    code, shown, _ = snakemake("--", "nothing.txt")
    assert code == 1 and "No rule to produce nothing.txt" in shown


def test_an_error_before_snakemake_has_begun_is_shown(snakemake):
    code, shown, _ = snakemake("--no-such-option")
    assert code != 0 and "unrecognized arguments: --no-such-option" in shown
