"""One training rule per stage of every method in params.yaml; what a stage is given is what its block `reads` and `starts`."""


def training_inputs(method, stage):
    """Function of wildcards: name -> path, as the stage's block declares."""

    def inputs(wildcards):
        return plan.train_inputs(config, **dict(wildcards.items()), method=method, stage=stage)

    return inputs


def training_steps(method, stage):
    """Function of wildcards: the stage's length, by which `pipeline.progress` weighs the job."""

    def steps(wildcards):
        edition = config["datasets"][wildcards.dataset]["edition"]
        return plan.stage_block(config, method, stage)["schedule"][edition]["steps"]

    return steps


RUN = {"dataset": "{dataset}", "scale": "{scale}", "setting": "{setting}", "cameras": "{cameras}", "seed": "{seed}"}

for method, block in config["methods"].items():
    for stage in block.get("stages", {}):
        OUTPUTS = plan.train_outputs(config, **RUN, method=method, stage=stage)

        rule:
            name:
                f"train_{method}_{stage}"
            input:
                unpack(training_inputs(method, stage)),
            output:
                **OUTPUTS,
                receipt=plan.receipt_file(OUTPUTS["generator"]),
            params:
                key=key("train", method=method, stage=stage),
                command=command("train", "train", method=method, stage=stage),
            threads: cpus("train")
            resources:
                runtime=resource("train", "runtime"),
                mem_mb=resource("train", "mem_mb"),
                cpus_per_task=resource("train", "cpus_per_task"),
                gpu=resource("train", "gpu"),
                steps=training_steps(method, stage),
            retries: 2
            log:
                f"{plan.run_folder(**RUN, method=method, stage=stage)}/log.txt",
            shell:
                "{params.command} > {log} 2>&1"
