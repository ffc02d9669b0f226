"""The promised time: replays of a demo, on machines of several speeds, with and without receipts of earlier runs."""

import heapq
import random
import socket
from types import SimpleNamespace

import pytest

from pipeline.workflow.board import Board
from pipeline.workflow.estimates import BEGIN, RECENT, Estimates, from_receipts, guess, kinds

# Seconds of the jobs of a real demo on two cores; priorities as in rules/.
SECONDS = {
    "pack": (10.3, None, 200),
    "train_source_only_train": (46, 600, 100),
    "train_drn_adapt_pretrain": (26, 450, 100),
    "train_dasr_pretrain": (24, 600, 100),
    "train_dasr_dsn": (13, 240, 100),
    "train_cincgan_inner": (10.2, 150, 100),
    "train_cincgan_joint": (18, 60, 90),
    "train_dasr_sr": (27, 120, 90),
    "train_drn_adapt_adapt": (14, 120, 90),
    "train_dada_circle": (33, 150, 90),
    "train_dada_adapt": (31, 80, 80),
    "evaluate": (6, None, 0),
    "table": (3, None, 0),
    "report": (8, None, 0),
    "track": (12, None, 0),
}
CORES = 2


def demo() -> list[dict]:
    """The jobs of `make demo`: six pairs of three cameras, two settings, five methods."""
    jobs: dict[tuple, dict] = {}

    def add(rule: str, *name: str, needs: list[tuple] = ()) -> tuple:
        wildcards = {"dataset": "simcam", "scale": "4"}
        if rule.startswith("train_"):
            method, stage = rule.removeprefix("train_").rsplit("_", 1)
            wildcards |= {"method": method, "stage": stage}
        needs = [jobs[need]["id"] for need in needs]
        jobs[rule, *name] = {"id": len(jobs), "rule": rule, "wildcards": wildcards, "steps": SECONDS[rule][1]}
        jobs[rule, *name] |= {"folder": None, "uses": {"_cores": 1}, "needs": needs}
        return rule, *name

    cameras, ends = ("panasonic", "olympus", "sony"), []
    packs = {camera: add("pack", camera) for camera in cameras}
    for camera in cameras:
        add("evaluate", "untrained", camera, needs=[packs[camera]])
    for setting in ("real", "synthetic"):
        for source in cameras:
            one = {
                rule: add(f"train_{rule}", setting, source, needs=[packs[source]])
                for rule in ("source_only_train", "drn_adapt_pretrain", "dasr_pretrain")
            }
            if setting == "real":
                ends.append(add("evaluate", "target_only", source, needs=[one["source_only_train"]]))
            one["dada_circle"] = add("train_dada_circle", setting, source, needs=[one["source_only_train"]])
            for target in cameras:
                if target == source:
                    continue
                both = [packs[source], packs[target]]
                last = [one["source_only_train"]]
                inner = add("train_cincgan_inner", setting, source, target, needs=both)
                last.append(add("train_cincgan_joint", setting, source, target, needs=[inner, last[0]]))
                dsn = add("train_dasr_dsn", setting, source, target, needs=both)
                last.append(add("train_dasr_sr", setting, source, target, needs=[dsn, one["dasr_pretrain"]]))
                last.append(add("train_drn_adapt_adapt", setting, source, target, needs=[one["drn_adapt_pretrain"]]))
                last.append(add("train_dada_adapt", setting, source, target, needs=[one["dada_circle"]]))
                ends += [add("evaluate", setting, source, target, need[0], needs=[need]) for need in last]
    tables = [add("table", name, needs=ends) for name in "ab"]
    add("report", needs=tables)
    add("track", needs=ends)
    return list(jobs.values())


def schedule(jobs: list[dict], seconds: dict[int, float]) -> list[dict]:
    """Events of a run in which every free core takes the ready job of the highest priority."""
    waiting = {job["id"]: set(job["needs"]) for job in jobs}
    priority = {job["id"]: SECONDS[job["rule"]][2] for job in jobs}
    events, running, now = [], [], 0.0
    while waiting or running:
        ready = sorted((number for number, needs in waiting.items() if not needs), key=lambda one: -priority[one])
        for number in ready[: CORES - len(running)]:
            del waiting[number]
            events.append({"event": "start", "time": now, "id": number})
            heapq.heappush(running, (now + seconds[number], number))
        now, number = heapq.heappop(running)
        events.append({"event": "finish", "time": now, "id": number})
        for needs in waiting.values():
            needs.discard(number)
    return events


def receipt(job: dict, seconds: float, host: str) -> SimpleNamespace:
    stage = "train" if job["rule"].startswith("train_") else job["rule"]
    key = {"stage": stage, "wildcards": job["wildcards"]}
    return SimpleNamespace(key=key, run={"host": host, "seconds": seconds - BEGIN})


@pytest.mark.parametrize("speed", [0.4, 1.0, 2.0], ids=lambda speed: f"speed {speed}")
@pytest.mark.parametrize("host", [None, socket.gethostname(), "elsewhere"], ids=["no receipts", "own", "of others"])
def test_what_is_promised_is_within_a_quarter_of_the_truth(speed, host):
    """From a tenth of the run on, or to half a percent of the whole run; receipts of others are of a machine of speed 1."""
    jobs, chance = demo(), random.Random(f"{speed} {host}")
    assert len(jobs) == 169
    seconds = {job["id"]: SECONDS[job["rule"]][0] / speed * chance.uniform(0.85, 1.15) for job in jobs}
    told = {"elsewhere": 1.0, None: None}.get(host, speed)
    earlier = from_receipts(receipt(job, SECONDS[job["rule"]][0] / told, host) for job in jobs) if told else None
    board = Board(Estimates(earlier))
    board.feed({"event": "plan", "time": 0.0, "limits": {"_cores": CORES}, "jobs": [dict(job) for job in jobs]})
    events = schedule(jobs, seconds)
    end = events[-1]["time"]
    now, wrong = 0.0, []
    while now < end:
        while events[0]["time"] <= now:
            board.feed(events.pop(0))
        for job in board.jobs.values():
            if job in board.running and job.steps:  # as a training tells
                whole = SECONDS[job.rule][0] / speed
                job.rate = job.steps / (whole - BEGIN / speed)
                job.step = min(job.steps, max(0, int(job.rate * (now - job.started - BEGIN / speed))))
        board.look(now)
        _, left = board.measure(now)
        assert not board.line(now, now).startswith("100%")
        if now > end / 10 and abs(left - (end - now)) > max(0.005 * end, 0.25 * (end - now)):
            wrong.append(f"at {now:.0f} of {end:.0f} s promised {left:.0f} instead of {end - now:.0f}")
        now += 5.0
    assert not wrong, "\n".join(wrong)


def test_receipts_of_this_machine_come_first():
    job = {"rule": "pack", "wildcards": {"dataset": "simcam", "scale": "4"}}
    own, other = receipt(job, 20, socket.gethostname()), receipt(job, 50, "elsewhere")
    assert from_receipts([own, other]) == {("pack", "simcam", "4"): 20.0}
    assert from_receipts([other]) == {("pack", "simcam", "4"): 50.0}


def test_a_machine_that_is_slower_than_guessed_is_so_for_all_jobs():
    estimates = Estimates()
    before = estimates.seconds("evaluate", {}, None)
    for rule in [f"kind{number}" for number in range(RECENT)] * 2:
        estimates.learn(rule, {}, None, 3 * guess(rule, None))
    assert 2.5 * before < estimates.seconds("evaluate", {}, None) < 3 * before
    assert estimates.seconds("kind0", {}, None) == 3 * guess("kind0", None)


def test_what_a_running_job_lets_expect_counts_until_one_has_ended():
    estimates = Estimates()
    before = estimates.seconds("evaluate", {}, None)
    estimates.expect("train_x_y", {}, 100, 53.0)
    assert estimates.seconds("train_x_y", {}, 100) == 53.0 and estimates.seconds("evaluate", {}, None) > before
    estimates.learn("train_x_y", {}, 100, 60.0)
    estimates.expect("train_x_y", {}, 100, 100.0)
    assert estimates.seconds("train_x_y", {}, 100) == 60.0


def test_jobs_of_other_editions_are_of_another_kind_and_untrained_ones_are_not():
    small, paper = {"dataset": "simcam", "scale": "4"}, {"dataset": "drealsr", "scale": "4"}
    assert kinds("evaluate", small)[0] == kinds("evaluate_untrained", small)[0] != kinds("evaluate", paper)[0]
    estimates = Estimates()
    estimates.learn("train_x_y", small, 100, 500.0)
    assert estimates.seconds("train_x_y", small, 100) == 500.0 != estimates.seconds("train_x_y", paper, 100)
