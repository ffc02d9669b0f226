"""One training rule per stage of every method in params/; what a stage is given is what its block `reads` and `starts`."""

for method, stage in jobs.trainings():

    rule:
        name:
            f"train_{method}_{stage}"
        input:
            unpack(jobs.inputs("train", method=method, stage=stage)),
        output:
            **jobs.training_outputs(method, stage),
        log:
            f"{plan.run_folder(**RUN, method=method, stage=stage)}/log.txt",
        priority: jobs.priority(method, stage)
        # On a node the rules are read again; there, only the main process starts jobs again, with more memory.
        retries: jobs.retries if workflow.is_main_process else 0
        threads: jobs.resource("train", "cpus_per_task")
        resources:
            runtime=jobs.resource("train", "runtime"),
            mem_mb=jobs.resource("train", "mem_mb"),
            cpus_per_task=jobs.resource("train", "cpus_per_task"),
            gpu=jobs.resource("train", "gpu"),
            steps=jobs.steps(method, stage),
        params:
            key=jobs.key("train", method=method, stage=stage),
            command=jobs.command("train", method=method, stage=stage),
        shell:
            "{params.command} > {log} 2>&1"
