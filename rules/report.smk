"""Make one page about a table, with everything inside the file. Local: seconds, no torch.

Reads: table_html, csv, crossdevice_html; samples and metrics of every method and pair; test_lr, test_hr; history of every run.
Writes: html.
"""


localrules:
    report,


rule report:
    input:
        unpack(jobs.inputs("report")),
    output:
        **jobs.outputs("report"),
    log:
        "results/report/{report}.log",
    resources:
        **jobs.resources("report"),
    params:
        key=jobs.key("report"),
        command=jobs.command("report"),
    shell:
        "{params.command} > {log} 2>&1"
