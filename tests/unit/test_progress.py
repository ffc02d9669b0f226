"""Reading Snakemake's output, the one line, one Ctrl-C, the error part; one run of the real Snakemake."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from pipeline.workflow.board import Board, clock
from pipeline.workflow.progress import dry_run, error_part, run

ROOT = Path(__file__).parents[2]


def block(rule: str, number: int, output: str, steps: int | None = None, wildcards: str = "") -> str:
    resources = "tmpdir=/tmp, mem_mb=100" + (f", steps={steps}, mem=100 MB" if steps else "")
    return (
        f"[Fri Nov 20 18:54:19 2026]\n{rule}:\n    output: {output}\n    jobid: {number}\n"
        f"    reason: Missing output files: {output}\n    wildcards: {wildcards}\n    resources: {resources}\n"
    )


RUN_A = "results/runs/simcam_x4/real/sony/source_only/up/seed0"
PLAN = (
    block("rule train_dada_up", 2, f"{RUN_A}/generator.safetensors, {RUN_A}/history.jsonl", 300, "cameras=sony, seed=0")
    + block("rule train_dada_adapt", 1, "other/generator.safetensors", 100)
    + block("rule evaluate", 3, "other/metrics_sony.json")
    + "[Fri Nov 20 18:54:19 2026]\nrule all:\n    input: other/metrics_sony.json\n    jobid: 0\n    resources: tmpdir=/tmp\n"
)


@pytest.fixture
def board(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    board = Board()
    for line in PLAN.splitlines():
        board.plan(line)
    return board


def feed(board: Board, text: str, now: float) -> None:
    for line in text.splitlines():
        board.feed(line, now)


def test_plan_counts_jobs_and_steps(board):
    assert [job.units for job in board.jobs.values()] == [300, 100, 1, 1]
    assert board.fraction() == 0
    assert board.remaining(now=0.0) is None


def test_percentage_and_remaining_follow_the_steps_of_running_trainings(board):
    # Job numbers of the run differ from those of the dry run.
    feed(board, block("localrule train_dada_up", 7, f"{RUN_A}/generator.safetensors, x", 300), 10.0)
    assert [job.rule for job in board.running] == ["train_dada_up"]
    Path(RUN_A).mkdir(parents=True)
    Path(RUN_A, "progress.json").write_text('{"step": 150, "steps": 300, "rate": 5.0}')
    assert board.fraction() == pytest.approx(150 / 402)
    # 150 steps left here at 5/s, 100 of a kind not seen yet at the same pace, two jobs without steps at 3 s each
    assert board.remaining(now=99.0) == pytest.approx(30 + 20 + 6)
    line = board.line(elapsed=40.0, now=99.0)
    assert "37%" in line
    assert "0/4 jobs" in line
    assert "0:40 elapsed" in line
    assert "about 0:56 left" in line
    assert "150/300 (5 steps/s)" in line

    Path(RUN_A, "progress.json").unlink()
    assert board.fraction() == pytest.approx(300 / 402), "complete, though Snakemake has not said so yet"
    feed(board, "Finished jobid: 7 (Rule: train_dada_up)\n", 70.0)
    assert board.done == 1
    assert board.fraction() == pytest.approx(300 / 402)
    assert board.remaining(now=70.0) == pytest.approx(100 * 60 / 300 + 6)


def test_half_written_progress_is_no_step(board):
    feed(board, block("localrule train_dada_up", 7, f"{RUN_A}/generator.safetensors", 300), 0.0)
    Path(RUN_A).mkdir(parents=True)
    Path(RUN_A, "progress.json").write_text('{"st')
    assert board.fraction() == 0


def test_clock():
    assert [clock(5.4), clock(65), clock(3661)] == ["0:05", "1:05", "1:01:01"]


def test_error_part_starts_at_the_error_and_ends_with_the_jobs_log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("bad.log").write_text(
        "\n".join(f"line {number}" for number in range(100)) + "\nerror: data/x.png: truncated\n"
    )
    said = (
        "Building DAG\nplan\nError in rule bad:\n    jobid: 4\n    log: bad.log (check log file(s) for error details)\n"
    )
    part = error_part(said)
    assert part.startswith("Error in rule bad:")
    assert part.endswith("error: data/x.png: truncated")
    assert "line 0\n" not in part


FAKE = """
import signal, sys, time
if "--dry-run" in sys.argv:
    print("rule a:\\n    output: a.txt\\n    jobid: 0\\n    resources: tmpdir=/tmp")
    sys.exit()
hits = []
def hit(*_):
    hits.append(1)
signal.signal(signal.SIGINT, hit)
print("localrule a:\\n    output: a.txt\\n    jobid: 0\\n    resources: tmpdir=/tmp", flush=True)
open("started", "w").close()
end = time.monotonic() + 20
while not hits and time.monotonic() < end:
    time.sleep(0.05)
time.sleep(0.6)
open("hits", "w").write(str(len(hits)))
sys.exit(1)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupts_reach_the_child_exactly_once(tmp_path, number):
    (tmp_path / "fake.py").write_text(FAKE)
    command = [sys.executable, "-m", "pipeline.workflow.progress", "--", sys.executable, "fake.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
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


def test_a_plan_that_fails_runs_nothing_and_shows_why(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = "import sys; print('WorkflowError in line 3:\\n    DRealSR is missing'); open('calls', 'a').write('x'); sys.exit(1)"
    out = io.StringIO()
    assert run([sys.executable, "-c", script], Path("log.txt"), out) == 1
    assert "DRealSR is missing" in out.getvalue()
    assert Path("calls").read_text() == "x"


def test_nothing_to_do_is_said_without_a_second_call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = "print('Nothing to be done (all requested files are present).'); open('calls', 'a').write('x')"
    out = io.StringIO()
    assert run([sys.executable, "-c", script], Path("log.txt"), out) == 0
    assert "Nothing to be done." in out.getvalue()
    assert Path("calls").read_text() == "x"


def test_with_the_real_snakemake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("Snakefile").write_text(
        textwrap.dedent("""\
            rule all:
                input: "a.txt", "b.txt"
            rule train_x:
                output: "a.txt"
                resources: steps=40
                shell: "touch {output}"
            rule bad:
                input: "a.txt"
                output: "b.txt"
                log: "bad.log"
                shell: "(echo the reason; exit 3) > {log} 2>&1"
            """)
    )
    command = [sys.executable, "-m", "snakemake", "-c1"]
    out = io.StringIO()
    assert run(command, Path("log/all.txt"), out) != 0
    text = out.getvalue()
    assert "Error in rule bad" in text
    assert "--- the end of bad.log\nthe reason" in text
    assert " 95% | 1/3 jobs" in text  # 40 of 42 units
    assert "localrule train_x:" in Path("log/all.txt").read_text()


@pytest.mark.parametrize(
    ("command", "dry"),
    [
        (["snakemake", "-c2", "a.tex"], ["snakemake", "-c2", "a.tex", "--dry-run"]),
        (["snakemake", "-c2", "--", "a.tex"], ["snakemake", "-c2", "--dry-run", "--", "a.tex"]),
    ],
)
def test_the_dry_run_is_an_option_and_not_a_target(command, dry):
    assert dry_run(command) == dry
