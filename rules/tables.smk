"""Measured metrics and a paper's reported numbers -> LaTeX, CSV and an HTML preview. Local: seconds, no torch."""


localrules:
    table,


def table_inputs(wildcards):
    """Metrics files of every cell, and the reported numbers where the table sets them beside."""
    cells = plan.table_cells(config, wildcards.table)
    inputs = {"metrics": list(dict.fromkeys(cell["metrics"] for cell in cells))}
    reported = config["tables"][wildcards.table]["reported"]
    return inputs | ({"reported": f"data/reported/{reported}.yaml"} if reported else {})


rule table:
    input:
        unpack(table_inputs),
    output:
        tex="results/tables/{table}.tex",
        csv="results/tables/{table}.csv",
        html="results/tables/{table}.html",
        receipt="results/tables/{table}.tex.receipt.json",
    params:
        key=key("table"),
        command=command("tables", "table"),
    resources:
        runtime=10,
        mem_mb=1000,
        cpus_per_task=1,
    log:
        "results/tables/{table}.log",
    shell:
        "{params.command} > {log} 2>&1"
