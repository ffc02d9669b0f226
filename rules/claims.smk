"""Check whether a paper's printed claims follow from its own printed numbers. Local: seconds, no torch.

Reads: numbers and claims, both from data/reported.
Writes: html, csv.
"""


localrules:
    claims,


rule claims:
    input:
        unpack(jobs.inputs("claims")),
    output:
        **jobs.outputs("claims"),
    log:
        "results/report/claims_{paper}.log",
    resources:
        **jobs.resources("claims"),
    params:
        key=jobs.key("claims"),
        command=jobs.command("claims"),
    shell:
        "{params.command} > {log} 2>&1"
