"""What the SLURM plugin of Snakemake does with a cancelled job and a lost node: without the repairs, and with them."""

import asyncio
import logging
from types import SimpleNamespace

import pytest
import snakemake_executor_plugin_slurm as plugin

from pipeline.workflow import slurm_plugin


@pytest.fixture
def mended(monkeypatch):
    """The plugin before, and itself with the repairs; taken back after the test."""
    before = SimpleNamespace(submit=plugin.get_submit_command, query=plugin.query_job_status)
    monkeypatch.setattr(plugin, "get_submit_command", before.submit)
    monkeypatch.setattr(plugin, "query_job_status", before.query)
    slurm_plugin.install()
    return before


def test_only_names_of_nodes_are_excluded(mended):
    params = dict.fromkeys(("run_uuid", "slurm_logfile", "comment_str", "account", "partition", "workdir"), "x")
    job = SimpleNamespace(resources={}, threads=1)
    assert "--exclude=None assigned" in mended.submit(job, params, failed_nodes={"None assigned"})
    assert "--exclude" not in plugin.get_submit_command(job, params, failed_nodes={"None assigned"})
    assert "--exclude=n1 " in plugin.get_submit_command(job, params, failed_nodes={"None assigned", "n1", ""})
    assert "--exclude" not in plugin.get_submit_command(job, params)


def test_a_cancelled_job_is_known_as_such(mended):
    command, logger = "printf '7|CANCELLED by 1000\\n8|RUNNING\\n'", logging.getLogger()
    states, seconds = asyncio.run(plugin.query_job_status(command, logger))
    assert states == {"7": "CANCELLED", "8": "RUNNING"} and seconds > 0
    assert asyncio.run(mended.query(command, logger))[0]["7"] == "CANCELLED by 1000"
    assert asyncio.run(plugin.query_job_status("true", logger))[0] == {}
    assert asyncio.run(plugin.query_job_status("false", logger)) == (None, None)
