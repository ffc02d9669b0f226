"""A repair of Snakemake 9.27.1: its scheduler looks at all ready jobs again and again, the more often the more jobs have ended.

To keep `max-jobs-per-timespan` (100 in a second unless a profile says otherwise) it asks to be woken after that time whenever it
has looked, also when it was woken for just that. So every job that ends adds one more look per second until the end: with 300
jobs a third of a core, and rising. Here it asks only while the limit holds jobs back, and once at a time; a job that ends
wakes it anyway. Contact with Snakemake's internals: one method of its scheduler, spelled as there.
"""

import threading

from snakemake.scheduling.job_scheduler import JobScheduler


def install() -> None:
    """Mend the scheduler of this process, before it is created."""
    JobScheduler._schedule_reevalutation = ask


def ask(self: JobScheduler, delay: float) -> None:
    """Wake the scheduler in `delay` seconds, if something waits for that and it has not been asked for already."""
    waiting = not self.job_rate_limiter or not self.job_rate_limiter.get_free_jobs()
    if getattr(self, "asked", False) or not (waiting or self.workflow.dag.has_unfinished_queue_input_jobs()):
        return
    self.asked = True

    def wake() -> None:
        # First: whoever is woken may ask again at once.
        self.asked = False
        self._open_jobs.release()

    threading.Timer(delay, wake).start()
