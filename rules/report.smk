"""Tables, crops of test images and training histories -> one self-contained HTML page. Local: seconds, no torch."""


localrules:
    report,


rule report:
    input:
        unpack(jobs.inputs("report")),
    output:
        html="results/report/{report}.html",
        receipt="results/report/{report}.html.receipt.json",
    log:
        "results/report/{report}.log",
    resources:
        runtime=10,
        mem_mb=2000,
        cpus_per_task=1,
    params:
        key=jobs.key("report"),
        command=jobs.command("report"),
    shell:
        "{params.command} > {log} 2>&1"
