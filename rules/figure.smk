"""Crops, test images and kernels -> figures and the numbers drawn in them. Local: seconds, no torch."""


localrules:
    figure,
    figure_of_pictures,


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
        command=jobs.command("figure"),
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
