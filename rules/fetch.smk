"""Fetch a data set of data/sources.yaml. Local: it needs internet. It runs the command `pipeline.fetch`, so it leaves no receipt.

Reads: addresses and digests in data/sources.yaml.
Writes: data/raw/{source}: archives (read-only), images, manifest, counts.

The manifest lists every file with its hash, so it depends on the content and on no file time. inventory.json says which count
is not met; it is no output, because Snakemake would remove it then. The settings of `fetch` in params.yaml do not change a data
set, so Snakemake tracks none of them.
"""


localrules:
    fetch,


rule fetch:
    output:
        "data/raw/{source}/manifest.csv",
    log:
        "data/raw/{source}/fetch.log",
    # The job repeats failed requests itself (`fetch.retries`); another start would stop at the same place. 0 wins over profiles.
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
