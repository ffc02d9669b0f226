"""Fetch a pretrained file of others and check its hash. Local: compute nodes need no internet.

Reads: the folder that the setting `adopt.weights` names, if the file is there; else the addresses in data/sources.yaml.
Writes: file.
"""


localrules:
    fetch_weights,


rule fetch_weights:
    output:
        **jobs.outputs("fetch_weights"),
    log:
        "data/weights/{file}.log",
    # A file that cannot be had must stop the run before hours of training, not after.
    priority: 1000
    # The fetcher asks again by itself (`fetch.retries`); what it stops at it would stop at again. 0 wins over profiles.
    retries: 0
    resources:
        **jobs.resources("fetch_weights"),
    params:
        key=jobs.key("fetch_weights"),
        command=jobs.command("fetch_weights", folders.of_fetch_weights),
    shell:
        "{params.command} > {log} 2>&1"
