"""Crops, test images and kernels -> figures and the numbers drawn in them; generators -> the kernels of their SR.

Figures are local: seconds, no torch.
"""


localrules:
    figure,
    figure_of_pictures,


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
        command=jobs.command("sr_kernel", "sr_kernel"),
    shell:
        "{params.command} > {log} 2>&1"


# A method without training, such as bicubic, has no generator file.
use rule sr_kernel as sr_kernel_untrained with:
    output:
        kernel=plan.kernel_file(UNTRAINED, "{camera}"),
        receipt=plan.receipt_file(plan.kernel_file(UNTRAINED, "{camera}")),
    log:
        f"{UNTRAINED}/log_kernel_{{camera}}.txt",


rule figure:
    input:
        unpack(jobs.inputs("figure")),
    output:
        image="results/figures/{figure}.svg",
        data="results/figures/{figure}.json",
        receipt="results/figures/{figure}.svg.receipt.json",
    log:
        "results/figures/{figure}.log",
    wildcard_constraints:
        figure=jobs.figures("svg"),
    resources:
        runtime=10,
        mem_mb=2000,
        cpus_per_task=1,
    params:
        key=jobs.key("figure"),
        command=jobs.command("figure", "figure"),
    shell:
        "{params.command} > {log} 2>&1"


# Photographs: pixels, not vectors.
use rule figure as figure_of_pictures with:
    output:
        image="results/figures/{figure}.png",
        data="results/figures/{figure}.json",
        receipt="results/figures/{figure}.png.receipt.json",
    wildcard_constraints:
        figure=jobs.figures("png"),
