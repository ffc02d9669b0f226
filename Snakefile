"""From cameras to tables: data -> training -> evaluation -> tables -> report; every setting comes from params.yaml and params/."""

from pathlib import Path

from snakemake.exceptions import WorkflowError

from pipeline.plan.params import SCHEMA, load
from pipeline.workflow import relay, scheduler, slurm_plugin, stale_locks, sync
from pipeline.errors import UserError

# params.yaml, params/ and site.yaml, checked; `config` holds what --config and --configfile say, which wins.
try:
    config = load("params.yaml", Path(workflow.basedir) / SCHEMA, over=config)
except UserError as error:
    raise WorkflowError(str(error)) from None


include: "rules/common.smk"
include: "rules/fetch.smk"


# One file for each kind of job that leaves a receipt.
for kind in jobs.kinds:

    include: f"rules/{kind}.smk"


include: "rules/track.smk"


rule all:
    default_target: True
    input:
        "results/tables/dada_simcam.tex",
        "results/tables/dada_simcam_crossdevice.tex",
        "results/report/dada_simcam.html",
        "results/tracking/dada_simcam.json",


scheduler.install()
# Last, because it looks at the rules: receipts that hold become Snakemake's own records, others make their jobs run.
if workflow.is_main_process:
    try:
        stale_locks.clear()
        sync.sync(config, workflow.rules)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    slurm_plugin.install()
else:
    relay.install()
