"""Fetch a pretrained file and check its hash. Local, so that compute nodes need no internet.

Reads: the file in the folder that the setting `adopt.weights` names; if it is not there, the addresses in data/sources.yaml.
Writes: file.
"""


localrules:
    fetch_weights,


rule fetch_weights:
    output:
        **jobs.outputs("fetch_weights"),
    log:
        "data/weights/{file}.log",
    # If a file cannot be fetched, the run must stop before hours of training, not after them.
    priority: 1000
    # The job repeats failed requests itself (`fetch.retries`); another start would stop at the same place. 0 wins over profiles.
    retries: 0
    resources:
        **jobs.resources("fetch_weights"),
    params:
        key=jobs.key("fetch_weights"),
        command=jobs.command("fetch_weights", folders.of_fetch_weights),
    shell:
        "{params.command} > {log} 2>&1"
