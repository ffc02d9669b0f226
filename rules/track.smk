"""Receipts of finished runs -> MLflow, one writer; what it leaves only says where to look. Local, no receipt of its own.

Nothing rests on its output, and it starts when nothing else runs or can: a store that is away holds up nothing.
"""


localrules:
    track,


rule track:
    input:
        jobs.tracked_receipts,
    output:
        "results/tracking/{table}.json",
    log:
        "results/tracking/{table}.log",
    priority: -1
    # All there are: others that run beside it would be the last of the call if it fails.
    threads: 1000
    resources:
        runtime=30,
        mem_mb=2000,
        cpus_per_task=1,
    params:
        uri=jobs.config["tracking"]["uri"],
        simulated=[f"--simulated {name}" for name, block in jobs.config["datasets"].items() if block["simulated"]],
        python=lambda wildcards, input: jobs.python,
    shell:
        "{params.python:q} -m pipeline.tracking --uri {params.uri:q} {params.simulated} --output {output} {input} > {log} 2>&1"
