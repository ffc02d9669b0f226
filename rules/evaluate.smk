"""A generator and a camera's test images -> metrics_<camera>.json and crops for the figures."""

FOLDER = plan.run_folder(**RUN, method="{method}", stage="{stage}")
UNTRAINED = "results/runs/{dataset}_x{scale}/{method}"


def evaluation_inputs(wildcards):
    """Test images, the generator where the method is trained, and LPIPS weights where the edition has them."""
    images = {
        f"test_{kind}": plan.data_file(wildcards.dataset, wildcards.scale, wildcards.camera, "test", kind)
        for kind in ("lr", "hr")
    }
    if "alexnet" in plan.edition(config, wildcards.dataset)["weights"]:
        images["lpips_weights"] = plan.weights_file(config, "alexnet")
    return images


rule evaluate:
    input:
        unpack(evaluation_inputs),
        generator=f"{FOLDER}/generator.safetensors",
    output:
        metrics=plan.metrics_file(FOLDER, "{camera}"),
        samples=plan.samples_file(FOLDER, "{camera}"),
        receipt=plan.receipt_file(plan.metrics_file(FOLDER, "{camera}")),
    params:
        key=key("evaluate"),
        command=command("evaluate", "evaluate"),
    threads: cpus("evaluate")
    resources:
        runtime=resource("evaluate", "runtime"),
        mem_mb=resource("evaluate", "mem_mb"),
        cpus_per_task=resource("evaluate", "cpus_per_task"),
        gpu=resource("evaluate", "gpu"),
    log:
        f"{FOLDER}/log_{{camera}}.txt",
    shell:
        "{params.command} > {log} 2>&1"


rule evaluate_untrained:
    input:
        unpack(evaluation_inputs),
    output:
        metrics=plan.metrics_file(UNTRAINED, "{camera}"),
        samples=plan.samples_file(UNTRAINED, "{camera}"),
        receipt=plan.receipt_file(plan.metrics_file(UNTRAINED, "{camera}")),
    params:
        key=key("evaluate"),
        command=command("evaluate", "evaluate"),
    threads: cpus("evaluate")
    resources:
        runtime=resource("evaluate", "runtime"),
        mem_mb=resource("evaluate", "mem_mb"),
        cpus_per_task=resource("evaluate", "cpus_per_task"),
        gpu=resource("evaluate", "gpu"),
    log:
        f"{UNTRAINED}/log_{{camera}}.txt",
    shell:
        "{params.command} > {log} 2>&1"
