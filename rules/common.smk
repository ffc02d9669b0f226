"""Settings checked, receipts turned into Snakemake's records, and the one shape that every job's command has.

A rule tracks exactly one parameter, `key`: all settings, code and packages that the job rests on. `command` is derived
from inputs and outputs, which Snakemake does not track as a parameter, so the shell line is the same for every rule.
"""

import os
import re
import sys
from functools import cache

from snakemake.exceptions import WorkflowError

from pipeline import files, job, plan, stages, sync
from pipeline import params as settings
from pipeline.datasets import drealsr
from pipeline.errors import UserError

try:
    settings.check(config, "params.yaml", f"{workflow.basedir}/rules/schemas/params.schema.yaml")
    if workflow.is_main_process:
        sync.sync(config)
except UserError as error:
    raise WorkflowError(str(error)) from None


def one_of(values):
    return "|".join(sorted(re.escape(str(value)) for value in values))


CAMERAS = {camera for block in config["datasets"].values() for camera in block["cameras"]}


wildcard_constraints:
    dataset=one_of(config["datasets"]),
    scale=r"\d+",
    setting="real|synthetic",
    camera=one_of(CAMERAS),
    cameras=f"({one_of(CAMERAS)})(-({one_of(CAMERAS)}))?",
    method=one_of(config["methods"]),
    stage=one_of(stage for block in config["methods"].values() for stage in block.get("stages", {})),
    seed=r"\d+",
    table=one_of(config["tables"]),
    report=one_of(config["reports"]),
    file=one_of(block["file"] for block in config["weights"].values()),


@cache
def cached_key(kind, wildcards):
    return files.canonical_json(stages.key(config, kind, dict(wildcards)))


def key(kind, **fixed):
    """Function of wildcards: the job's key as canonical JSON."""
    return lambda wildcards: cached_key(kind, tuple(sorted({**dict(wildcards.items()), **fixed}.items())))


def command(module, kind, folders=None, **fixed):
    """Function of wildcards, input and output: the job's command line, which also works by hand."""

    def line(wildcards, input, output):
        outputs = dict(output.items())
        receipt = outputs.pop("receipt")
        asked = folders(wildcards) if folders else {}
        this_key = key(kind, **fixed)(wildcards)
        return job.command(f"pipeline.{module}", this_key, dict(input.items()), outputs, receipt, asked)

    return line


def resource(rule_name, name):
    """Function of wildcards: what a job of a data set's edition asks of the cluster."""
    return lambda wildcards: plan.edition(config, wildcards.dataset)["resources"][rule_name][name]


def cpus(rule_name):
    return resource(rule_name, "cpus_per_task")
