"""A generator and frames of a camera that has LR alone -> crops of their SR for figures."""


rule frames:
    input:
        unpack(jobs.inputs("frames")),
    output:
        samples=plan.frames_file(FOLDER, "{camera}"),
        receipt=plan.receipt_file(plan.frames_file(FOLDER, "{camera}")),
    log:
        f"{FOLDER}/log_frames_{{camera}}.txt",
    wildcard_constraints:
        camera=jobs.cameras(frames=True),
    threads: jobs.resource("evaluate", "cpus_per_task")
    resources:
        runtime=jobs.resource("evaluate", "runtime"),
        mem_mb=jobs.resource("evaluate", "mem_mb"),
        cpus_per_task=jobs.resource("evaluate", "cpus_per_task"),
        gpu=jobs.resource("evaluate", "gpu"),
    params:
        key=jobs.key("frames"),
        command=jobs.command("frames"),
    shell:
        "{params.command} > {log} 2>&1"
