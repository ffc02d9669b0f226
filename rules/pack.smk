"""Pack one camera of a data set: its images into a few files, and a manifest that lists every image with its hash.

Reads: nothing for simulated cameras; for all other data sets, the folder that the setting `adopt` names.
Writes: train, val and test as lr, hr and bicubic (LR made from HR); manifest.
"""


rule pack:
    output:
        **jobs.outputs("pack"),
    log:
        "results/manifests/{dataset}_x{scale}/{camera}.log",
    wildcard_constraints:
        camera=jobs.cameras(frames=False),
    priority: 200
    threads: jobs.threads("pack")
    resources:
        **jobs.resources("pack"),
    params:
        key=jobs.key("pack"),
        command=jobs.command("pack", folders.of_pack),
    shell:
        "{params.command} --workers {threads} > {log} 2>&1"
