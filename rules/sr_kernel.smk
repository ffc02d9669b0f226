"""Generators -> the kernels between their SR and the LR that they were given."""


rule sr_kernel:
    input:
        unpack(jobs.inputs("sr_kernel")),
    output:
        kernel=plan.kernel_file(FOLDER, "{camera}"),
        receipt=plan.receipt_file(plan.kernel_file(FOLDER, "{camera}")),
    log:
        f"{FOLDER}/log_kernel_{{camera}}.txt",
    threads: jobs.resource("evaluate", "cpus_per_task")
    resources:
        runtime=jobs.resource("evaluate", "runtime"),
        mem_mb=jobs.resource("evaluate", "mem_mb"),
        cpus_per_task=jobs.resource("evaluate", "cpus_per_task"),
        gpu=jobs.resource("evaluate", "gpu"),
    params:
        key=jobs.key("sr_kernel"),
        command=jobs.command("sr_kernel"),
    shell:
        "{params.command} > {log} 2>&1"


# A method without training, such as bicubic, has no generator file.
use rule sr_kernel as sr_kernel_untrained with:
    output:
        kernel=plan.kernel_file(UNTRAINED, "{camera}"),
        receipt=plan.receipt_file(plan.kernel_file(UNTRAINED, "{camera}")),
    log:
        f"{UNTRAINED}/log_kernel_{{camera}}.txt",
