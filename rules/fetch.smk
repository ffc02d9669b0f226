"""Data sets of data/sources.yaml -> data/raw/{source}: archives (read-only), images, manifest, counts. Local: it needs internet.

Consumers take the manifest: it lists every file with its hash, so what rests on it follows the content and no file time.
Settings of `fetch` in params.yaml do not make a data set another one, so no parameter is tracked.
"""


localrules:
    fetch,


rule fetch:
    output:
        manifest="data/raw/{source}/manifest.csv",
        inventory="data/raw/{source}/inventory.json",
    log:
        "data/raw/{source}/fetch.log",
    retries: 2
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
