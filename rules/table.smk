"""Measured metrics and a paper's reported numbers -> LaTeX, CSV and an HTML preview. Local: seconds, no torch."""


localrules:
    table,


rule table:
    input:
        unpack(jobs.inputs("table")),
    output:
        tex="results/tables/{table}.tex",
        csv="results/tables/{table}.csv",
        html="results/tables/{table}.html",
        receipt="results/tables/{table}.tex.receipt.json",
    log:
        "results/tables/{table}.log",
    resources:
        runtime=10,
        mem_mb=1000,
        cpus_per_task=1,
    params:
        key=jobs.key("table"),
        command=jobs.command("table"),
    shell:
        "{params.command} > {log} 2>&1"
