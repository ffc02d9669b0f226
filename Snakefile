"""From cameras to tables: data -> training -> evaluation -> tables -> report; every setting comes from params.yaml and params/."""

from pathlib import Path

from snakemake.exceptions import WorkflowError

from pipeline.plan.params import SCHEMA, load
from pipeline.errors import UserError
from pipeline.workflow import early_check, folder_lock, job_events, repairs, sync

# params.yaml, params/ and site.yaml, checked; `config` holds what --config and --configfile say, which wins.
try:
    config = load("params.yaml", Path(workflow.basedir) / SCHEMA, over=config)
except UserError as error:
    raise WorkflowError(str(error)) from None

# It needs torch and takes seconds, so it runs beside the planning; on nodes everything has been checked.
check = early_check.EarlyCheck(config) if workflow.is_main_process else None


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


# For the progress line of `make demo`, which asks for it.
onstart:
    job_events.plan(workflow)


if workflow.is_main_process:
    repairs.install_main()
    # Last, because it looks at the rules: receipts that hold become Snakemake's own records, others make their jobs run.
    try:
        check.finish()
        sync.sync(config, workflow.rules)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    folder_lock.install()
else:
    repairs.install_job()
