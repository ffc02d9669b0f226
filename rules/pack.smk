"""Data sets -> packed images per camera and the manifest that lists every image with its hash.

Input: nothing for simulated cameras; for a data set that cannot be downloaded, the folder named by `adopt` in params.yaml.
"""


rule pack:
    output:
        **plan.packed_files("{dataset}", "{scale}", "{camera}"),
        manifest=plan.manifest_file("{dataset}", "{scale}", "{camera}"),
        receipt=plan.receipt_file(plan.manifest_file("{dataset}", "{scale}", "{camera}")),
    log:
        "results/manifests/{dataset}_x{scale}/{camera}.log",
    wildcard_constraints:
        camera=jobs.cameras(frames=False),
    priority: 200
    threads: jobs.resource("pack", "cpus_per_task")
    resources:
        runtime=jobs.resource("pack", "runtime"),
        mem_mb=jobs.resource("pack", "mem_mb"),
        cpus_per_task=jobs.resource("pack", "cpus_per_task"),
    params:
        key=jobs.key("pack"),
        command=jobs.command("pack", folders=jobs.pack_folders),
    shell:
        "{params.command} --workers {threads} > {log} 2>&1"
