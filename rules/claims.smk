"""A paper's printed numbers and its claims about them -> which claims follow, as a page and a CSV. Local: seconds, no torch."""


localrules:
    claims,


rule claims:
    input:
        unpack(jobs.inputs("claims")),
    output:
        html="results/report/claims_{paper}.html",
        csv="results/report/claims_{paper}.csv",
        receipt="results/report/claims_{paper}.html.receipt.json",
    log:
        "results/report/claims_{paper}.log",
    resources:
        runtime=10,
        mem_mb=1000,
        cpus_per_task=1,
    params:
        key=jobs.key("claims"),
        command=jobs.command("claims"),
    shell:
        "{params.command} > {log} 2>&1"
