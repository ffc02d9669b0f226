"""Frames of a camera that has LR alone -> packed LR; a generator and such frames -> crops of their SR for figures.

Input: the folder named by `adopt` in params.yaml, under the name of the data module.
"""


rule pack_frames:
    output:
        **plan.frames_files("{dataset}", "{scale}", "{camera}"),
        manifest=plan.manifest_file("{dataset}", "{scale}", "{camera}"),
        receipt=plan.receipt_file(plan.manifest_file("{dataset}", "{scale}", "{camera}")),
    log:
        "results/manifests/{dataset}_x{scale}/{camera}.log",
    wildcard_constraints:
        camera=jobs.cameras(frames=True),
    priority: 200
    threads: jobs.resource("pack", "cpus_per_task")
    resources:
        runtime=jobs.resource("pack", "runtime"),
        mem_mb=jobs.resource("pack", "mem_mb"),
        cpus_per_task=jobs.resource("pack", "cpus_per_task"),
    params:
        key=jobs.key("pack_frames"),
        command=jobs.command("pack_frames", folders=jobs.frames_folders),
    shell:
        "{params.command} > {log} 2>&1"
