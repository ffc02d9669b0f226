"""Repairs of packages that have a defect: each says what is wrong, in which version, and what it changes.

A repair replaces a function of the package in this process. A test of each one checks that the package alone still has
the defect: when that test fails after an upgrade, the package is mended, and the repair can go.
"""

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from snakemake.scheduling.job_scheduler import JobScheduler

SLURM_PLUGIN = "snakemake_executor_plugin_slurm"
SHELLS = {"bash", "sh", "dash"}


def install_main() -> None:
    """Mend the Snakemake that a user calls; once, after it has loaded its plugins and before it creates its scheduler."""
    JobScheduler._schedule_reevalutation = wake_later
    if SLURM_PLUGIN in sys.modules:
        _mend_slurm_plugin(sys.modules[SLURM_PLUGIN])


def install_job() -> None:
    """Mend the Snakemake that runs a job on a node of a cluster; once, before it creates its scheduler."""
    JobScheduler._schedule_reevalutation = wake_later
    _pass_sigterm_on()


def wake_later(self: JobScheduler, delay: float) -> None:
    """Wake the scheduler in `delay` seconds if a limit holds jobs back and nobody has asked for that already.

    snakemake 9.27.1, `JobScheduler._schedule_reevalutation` (spelled so there): to keep `max-jobs-per-timespan` (100 in a
    second unless a profile says otherwise), the scheduler asks to be woken after that time whenever it has looked at the
    ready jobs, also when it was woken for just that. Every job that ends thus adds one look per second until the end: with
    300 jobs a third of a core, and rising. A job that ends wakes the scheduler anyway.
    """
    held_back = not self.job_rate_limiter or not self.job_rate_limiter.get_free_jobs()
    if getattr(self, "asked", False) or not (held_back or self.workflow.dag.has_unfinished_queue_input_jobs()):
        return
    self.asked = True

    def wake() -> None:
        # First: whoever is woken may ask again at once.
        self.asked = False
        self._open_jobs.release()

    threading.Timer(delay, wake).start()


def _pass_sigterm_on() -> None:
    """Pass SIGTERM on to the programs of the jobs, so that a training saves its state.

    snakemake 9.27.1, `JobScheduler.exit_gracefully` (its issue 3241): SLURM warns and cancels the processes that it started
    itself. Where it keeps jobs in control groups, that is Snakemake on the node, which waits for its job and tells it nothing.
    """
    stop = JobScheduler.exit_gracefully

    def stop_jobs(self: JobScheduler, *arguments: object) -> None:
        stop(self, *arguments)
        for pid in programs(os.getpid()):
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                continue

    JobScheduler.exit_gracefully = stop_jobs


def programs(parent: int) -> Iterator[int]:
    """Process numbers of the programs that `parent` runs, also behind shells: a shell would end at the signal and leave
    its program behind.
    """
    for place in Path("/proc").glob("[0-9]*"):
        try:
            status = (place / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        name, above = re.match(r"\d+ \((.*)\) \S (\d+)", status, flags=re.DOTALL).groups()
        if int(above) == parent:
            yield from programs(int(place.name)) if name in SHELLS else [int(place.name)]


def _mend_slurm_plugin(plugin) -> None:
    """Two repairs of snakemake-executor-plugin-slurm 2.8.0; each defect was met on a real SLURM (tests/slurm).

    * `query_job_status`: sacct says `CANCELLED by 1000` of a job that somebody cancelled. The plugin knows `CANCELLED`
      alone, takes the job for running, and waits for it without end.
    * `get_submit_command`: after a lost node the plugin asks the accounts which node that was, to exclude it. A job that SLURM
      has put back in its queue has none, the answer is "None assigned", and every later `sbatch --exclude=None assigned`
      of the call fails (its issue 485).
    """
    submit, query = plugin.get_submit_command, plugin.query_job_status

    def get_submit_command(job, params, settings=None, failed_nodes=None, **others) -> str:
        nodes = {node for node in failed_nodes or () if len(node.split()) == 1}
        return submit(job, params, settings=settings, failed_nodes=nodes, **others)

    async def query_job_status(command: str, logger) -> tuple[dict[str, str] | None, float | None]:
        states, seconds = await query(command, logger)
        return states and {job: state.partition(" ")[0] for job, state in states.items()}, seconds

    plugin.get_submit_command, plugin.query_job_status = get_submit_command, query_job_status
