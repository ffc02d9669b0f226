"""A generator and a camera's test images -> metrics_<camera>.json and crops for the figures."""

FOLDER = plan.run_folder(**RUN, method="{method}", stage="{stage}")
UNTRAINED = plan.untrained_folder("{dataset}", "{scale}", "{method}")


rule evaluate:
    input:
        unpack(jobs.inputs("evaluate")),
    output:
        metrics=plan.metrics_file(FOLDER, "{camera}"),
        samples=plan.samples_file(FOLDER, "{camera}"),
        receipt=plan.receipt_file(plan.metrics_file(FOLDER, "{camera}")),
    log:
        f"{FOLDER}/log_{{camera}}.txt",
    threads: jobs.resource("evaluate", "cpus_per_task")
    resources:
        runtime=jobs.resource("evaluate", "runtime"),
        mem_mb=jobs.resource("evaluate", "mem_mb"),
        cpus_per_task=jobs.resource("evaluate", "cpus_per_task"),
        gpu=jobs.resource("evaluate", "gpu"),
    params:
        key=jobs.key("evaluate"),
        command=jobs.command("evaluate"),
    shell:
        "{params.command} > {log} 2>&1"


# A method without training, such as bicubic, has no generator file.
use rule evaluate as evaluate_untrained with:
    input:
        unpack(jobs.inputs("evaluate")),
    output:
        metrics=plan.metrics_file(UNTRAINED, "{camera}"),
        samples=plan.samples_file(UNTRAINED, "{camera}"),
        receipt=plan.receipt_file(plan.metrics_file(UNTRAINED, "{camera}")),
    log:
        f"{UNTRAINED}/log_{{camera}}.txt",
