"""From cameras to tables: data -> training -> evaluation -> tables -> report; every setting comes from params.yaml."""

from snakemake.exceptions import WorkflowError

from pipeline.workflow import folder_lock, job_events, repairs, sync
from pipeline.errors import UserError


configfile: "params.yaml"


include: "rules/common.smk"
include: "rules/fetch.smk"
include: "rules/pack.smk"
include: "rules/pack_frames.smk"
include: "rules/fetch_weights.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/sr_kernel.smk"
include: "rules/frames.smk"
include: "rules/table.smk"
include: "rules/figure.smk"
include: "rules/report.smk"
include: "rules/claims.smk"
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
        judged = sync.sync(config, workflow.rules)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    folder_lock.install(judged)
else:
    repairs.install_job()
