"""Pack frames of a camera that has LR alone, and a manifest that lists every image with its hash.

Reads: the folder that the setting `adopt` names under the name of the data module.
Writes: train and test as lr; manifest.
"""


rule pack_frames:
    output:
        **jobs.outputs("pack_frames"),
    log:
        "results/manifests/{dataset}_x{scale}/{camera}.log",
    wildcard_constraints:
        camera=jobs.cameras(frames=True),
    priority: 200
    threads: jobs.threads("pack_frames")
    resources:
        **jobs.resources("pack_frames"),
    params:
        key=jobs.key("pack_frames"),
        command=jobs.command("pack_frames", folders.of_pack_frames),
    shell:
        "{params.command} > {log} 2>&1"
