"""Bring finished runs into MLflow, one writer. Local; runs a command of the user, so it leaves no receipt.

Reads: receipts of every training and evaluation below a table.
Writes: results/tracking/{table}.json, which only says where to look. Nothing rests on it, and it starts when nothing else
runs or can: a store that cannot be reached holds up nothing.
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
