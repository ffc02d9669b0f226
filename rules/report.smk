"""Tables, crops of test images and training histories -> one self-contained HTML page. Local: seconds, no torch."""


localrules:
    report,


def report_files(wildcards):
    """Everything the page shows, by kind."""
    shown = plan.report_inputs(config, wildcards.report)
    block = config["reports"][wildcards.report]
    files = {
        "samples": [row["samples"] for row in shown["shown"]],
        "metrics": [row["metrics"] for row in shown["shown"]],
        "test_lr": [row["lr"] for row in shown["tests"]],
        "test_hr": [row["hr"] for row in shown["tests"]],
        "history": list(shown["histories"]),
    }
    unique = {name: list(dict.fromkeys(paths)) for name, paths in files.items()}
    tables = {"table_html": f"results/tables/{block['table']}.html", "csv": f"results/tables/{block['table']}.csv"}
    return unique | tables | {"crossdevice_html": f"results/tables/{block['crossdevice']}.html"}


rule report:
    input:
        unpack(report_files),
    output:
        html="results/report/{report}.html",
        receipt="results/report/{report}.html.receipt.json",
    params:
        key=key("report"),
        command=command("report", "report"),
    resources:
        runtime=10,
        mem_mb=2000,
        cpus_per_task=1,
    log:
        "results/report/{report}.log",
    shell:
        "{params.command} > {log} 2>&1"
