"""On a cluster a signal meant for a job must reach the job.

SLURM warns and cancels the processes that it started itself: where it keeps jobs in control groups, that is Snakemake on
the node, which waits for its job to end and tells it nothing (snakemake issue 3241). So the Snakemake that runs a job of
a cluster passes SIGTERM on, and a training saves its state. Contact with Snakemake's internals: one method of its scheduler.
"""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

from snakemake.scheduling.job_scheduler import JobScheduler

SHELLS = {"bash", "sh", "dash"}


def install() -> None:
    """Make the scheduler of this process pass SIGTERM on to the programs of its jobs; before it is created, once."""
    stop = JobScheduler.exit_gracefully

    def stop_jobs(self: JobScheduler, *asked: object) -> None:
        stop(self, *asked)
        for pid in programs(os.getpid()):
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                continue

    JobScheduler.exit_gracefully = stop_jobs


def programs(parent: int) -> Iterator[int]:
    """What `parent` runs, through shells: a shell would end at the signal and leave its program behind."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            status = (place / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        name, above = re.match(r"\d+ \((.*)\) \S (\d+)", status, flags=re.DOTALL).groups()
        if int(above) == parent:
            yield from programs(int(place.name)) if name in SHELLS else [int(place.name)]
