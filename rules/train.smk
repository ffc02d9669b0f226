"""Train one stage of a method. There is one rule for every stage of every method in the settings.

Reads: the packed images that the stage's block `reads`, the networks that it `starts` from, its pretrained files.
Writes: the networks that it `produces`; history (the loss terms over its steps).
"""

for method, stage in jobs.trainings():

    rule:
        name:
            f"train_{method}_{stage}"
        input:
            unpack(jobs.inputs("train", method=method, stage=stage)),
        output:
            **jobs.outputs("train", method=method, stage=stage),
        log:
            f"{FOLDER.replace('{method}', method).replace('{stage}', stage)}/log.txt",
        priority: jobs.priority(method, stage)
        # Snakemake reads the rules again on a node. Only the main process may start a job again: it can ask for more memory.
        retries: jobs.retries if workflow.is_main_process else 0
        threads: jobs.threads("train")
        resources:
            **jobs.resources("train"),
            steps=jobs.steps(method, stage),
        params:
            key=jobs.key("train", method=method, stage=stage),
            command=jobs.command("train", method=method, stage=stage),
        shell:
            "{params.command} > {log} 2>&1"
