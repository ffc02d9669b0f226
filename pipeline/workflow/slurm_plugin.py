"""Two repairs of snakemake-executor-plugin-slurm 2.8.0; what each mends was met on a real SLURM (tests/slurm).

* sacct says `CANCELLED by 1000` of a job that somebody cancelled. The plugin knows `CANCELLED` alone, takes the job for
  running, and waits for it without end.
* After a lost node it asks the accounts which node that was, to exclude it. A job that SLURM has put back in its queue has
  none, the answer is "None assigned", and every later `sbatch --exclude=None assigned` of the call fails (its issue 485).
"""

import sys

PLUGIN = "snakemake_executor_plugin_slurm"


def install() -> None:
    """Mend the plugin in this process; once, and only where Snakemake has loaded it."""
    plugin = sys.modules.get(PLUGIN)
    if plugin is None:
        return
    submit, query = plugin.get_submit_command, plugin.query_job_status

    def get_submit_command(job, params, settings=None, failed_nodes=None, **others) -> str:
        nodes = {node for node in failed_nodes or () if len(node.split()) == 1}
        return submit(job, params, settings=settings, failed_nodes=nodes, **others)

    async def query_job_status(command: str, logger) -> tuple[dict[str, str] | None, float | None]:
        states, seconds = await query(command, logger)
        return states and {job: state.partition(" ")[0] for job, state in states.items()}, seconds

    plugin.get_submit_command, plugin.query_job_status = get_submit_command, query_job_status
