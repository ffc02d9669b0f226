"""Pretrained files -> data/weights, checked by hash. Local: compute nodes need no internet."""


localrules:
    fetch_weights,


rule fetch_weights:
    output:
        file="data/weights/{file}",
        receipt="data/weights/{file}.receipt.json",
    log:
        "data/weights/{file}.log",
    # What cannot be had is said before hours of training, not after.
    priority: 1000
    # The fetcher asks again by itself (`fetch.retries`); what it stops at it would stop at again. 0 wins over profiles.
    retries: 0
    resources:
        runtime=60,
        downloads=1,
        mem_mb=1000,
        cpus_per_task=1,
    params:
        key=jobs.key("fetch_weights"),
        command=jobs.command("fetch_weights", folders=jobs.fetch_folders),
    shell:
        "{params.command} > {log} 2>&1"
