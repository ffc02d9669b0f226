"""Fetch a data set of data/sources.yaml. Local: it needs internet. Runs a command of the user, so it leaves no receipt.

Reads: addresses and digests in data/sources.yaml.
Writes: data/raw/{source}: archives (read-only), images, manifest, counts.

The manifest lists every file with its hash, so it follows the content and no file time. inventory.json is no output: Snakemake
would remove it when a count is not met, and it says which. Settings of `fetch` in params.yaml do not make a data set another
one, so no parameter is tracked.
"""


localrules:
    fetch,


rule fetch:
    output:
        "data/raw/{source}/manifest.csv",
    log:
        "data/raw/{source}/fetch.log",
    # The fetcher asks again by itself (`fetch.retries`); what it stops at it would stop at again. 0 wins over profiles.
    retries: 0
    resources:
        runtime=1440,
        mem_mb=2000,
        cpus_per_task=1,
        downloads=1,
    params:
        python=lambda wildcards, input: jobs.python,
        settings=lambda wildcards, input: jobs.fetch_settings(),
    shell:
        "{params.python:q} -m pipeline.fetch {wildcards.source} --settings {params.settings:q} > {log} 2>&1"
