"""Draw a figure of a paper, and keep the numbers drawn in it. Local: seconds, no torch.

Reads: lr, hr, samples, kernel, as far as its kind shows them.
Writes: image; data, every number drawn in it.
"""


localrules:
    figure,
    figure_of_pictures,


rule figure:
    input:
        unpack(jobs.inputs("figure")),
    output:
        **jobs.outputs("figure", form="svg"),
    log:
        "results/figures/{figure}.log",
    wildcard_constraints:
        figure=jobs.figures("svg"),
    resources:
        **jobs.resources("figure"),
    params:
        key=jobs.key("figure"),
        command=jobs.command("figure"),
    shell:
        "{params.command} > {log} 2>&1"


# Photographs are pixels, not vectors.
use rule figure as figure_of_pictures with:
    output:
        **jobs.outputs("figure", form="png"),
    wildcard_constraints:
        figure=jobs.figures("png"),
