"""Make a table from measured metrics. Local: seconds, no torch.

Reads: metrics of every cell; reported, the numbers of a paper, if the table shows them.
Writes: tex, csv, html.
"""


localrules:
    table,


rule table:
    input:
        unpack(jobs.inputs("table")),
    output:
        **jobs.outputs("table"),
    log:
        "results/tables/{table}.log",
    resources:
        **jobs.resources("table"),
    params:
        key=jobs.key("table"),
        command=jobs.command("table"),
    shell:
        "{params.command} > {log} 2>&1"
