"""Receipts of finished runs -> MLflow, one writer; what it leaves only says where to look. Local, no receipt of its own."""


localrules:
    track,


def tracked_receipts(wildcards):
    """Receipts of every training and evaluation below a table."""
    trained = [
        plan.receipt_file(f"{folder}/generator.safetensors") for folder in plan.training_runs(config, wildcards.table)
    ]
    cells = plan.table_cells(config, wildcards.table)
    return trained + list(dict.fromkeys(plan.receipt_file(cell["metrics"]) for cell in cells))


rule track:
    input:
        tracked_receipts,
    output:
        "results/tracking/{table}.json",
    params:
        uri=config["tracking"]["uri"],
        simulated=[f"--simulated {name}" for name, block in config["datasets"].items() if block["simulated"]],
        python=lambda wildcards, input: sys.executable,
    resources:
        runtime=30,
        mem_mb=2000,
        cpus_per_task=1,
    log:
        "results/tracking/{table}.log",
    shell:
        "{params.python:q} -m pipeline.tracking --uri {params.uri:q} {params.simulated} --output {output} {input} > {log} 2>&1"
