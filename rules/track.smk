"""Bring finished runs into MLflow. Local, so that one process writes. It runs the command `pipeline.tracking`: no receipt.

Reads: receipts of every training and evaluation below a table.
Writes: results/tracking/{table}.json: output -> MLflow run. No job depends on it. The rule starts when no other job runs or
can run, so a store that does not answer delays nothing.
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
    # All threads: if this rule fails, Snakemake starts no further job, so no job may run beside it.
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
