"""Data sets -> packed images per camera and the manifest that lists every image with its hash.

Input: nothing for simulated cameras; for a data set that cannot be downloaded, the folder named by `adopt` in params.yaml.
"""


@cache
def adopted_folder(dataset, scale):
    """The user's folder of a data set; WorkflowError says what is missing, before any job."""
    cameras = list(config["datasets"][dataset]["cameras"])
    problem = drealsr.missing(config["adopt"][dataset], cameras, int(scale))
    if problem:
        raise WorkflowError(problem)
    return config["adopt"][dataset]


def pack_folders(wildcards):
    """--folder raw=… for adopted data sets; a camera that is already packed needs its folder no more."""
    if wildcards.dataset not in config["adopt"]:
        return {}
    manifest = plan.manifest_file(wildcards.dataset, wildcards.scale, wildcards.camera)
    if os.path.exists(plan.receipt_file(manifest)):
        return {"raw": config["adopt"][wildcards.dataset] or "unset"}
    return {"raw": adopted_folder(wildcards.dataset, wildcards.scale)}


rule pack:
    output:
        manifest=plan.manifest_file("{dataset}", "{scale}", "{camera}"),
        **{
            f"{split}_{kind}": plan.data_file("{dataset}", "{scale}", "{camera}", split, kind)
            for split, kinds in plan.DATA_SPLITS.items()
            for kind in kinds
        },
        receipt=plan.receipt_file(plan.manifest_file("{dataset}", "{scale}", "{camera}")),
    params:
        key=key("pack"),
        command=command("pack", "pack", folders=pack_folders),
    threads: cpus("pack")
    resources:
        runtime=resource("pack", "runtime"),
        mem_mb=resource("pack", "mem_mb"),
        cpus_per_task=resource("pack", "cpus_per_task"),
    log:
        "results/manifests/{dataset}_x{scale}/{camera}.log",
    shell:
        "{params.command} > {log} 2>&1"
