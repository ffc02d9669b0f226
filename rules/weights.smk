"""Pretrained files -> data/weights, checked by hash. Local: compute nodes need no internet."""


localrules:
    fetch_weights,


def weights_folder(wildcards):
    """--folder weights=… where the user has the files already."""
    folder = config["adopt"]["weights"]
    return {"weights": folder} if folder else {}


rule fetch_weights:
    output:
        file="data/weights/{file}",
        receipt="data/weights/{file}.receipt.json",
    params:
        key=key("weights"),
        command=command("weights", "weights", folders=weights_folder),
    resources:
        runtime=60,
        mem_mb=1000,
        cpus_per_task=1,
    retries: 2
    log:
        "data/weights/{file}.log",
    shell:
        "{params.command} > {log} 2>&1"
