"""Where files lie. Nobody else puts paths together."""

SPLITS = ("train", "val", "test")
IMAGES = ("lr", "hr", "bicubic")


def data_file(dataset: str, scale: int | str, camera: str, split: str, image: str) -> str:
    """Packed images of one camera; LR and HR are separate files, so that a job can be given one without the other."""
    return f"data/packed/{dataset}_x{scale}/{camera}/{split}_{image}.safetensors"


def packed_files(dataset: str, scale: int | str, camera: str) -> dict[str, str]:
    """`{split}_{image}` -> path of everything that is packed for a camera."""
    return {f"{split}_{image}": data_file(dataset, scale, camera, split, image) for split in SPLITS for image in IMAGES}


def frames_files(dataset: str, scale: int | str, camera: str) -> dict[str, str]:
    """The same for a camera that has LR alone."""
    return {f"{split}_lr": data_file(dataset, scale, camera, split, "lr") for split in ("train", "test")}


def manifest_file(dataset: str, scale: int | str, camera: str) -> str:
    """The list of a camera's images with the hash of every one."""
    return f"results/manifests/{dataset}_x{scale}/{camera}.csv"


def receipt_file(first_output: str) -> str:
    """The receipt of the job that makes `first_output`."""
    return f"{first_output}.receipt.json"


def run_folder(dataset, scale, setting, cameras, method, stage, seed) -> str:
    """The folder of one training run; `cameras` is `source`, or `source-target` where the target's LR is read."""
    return f"results/runs/{dataset}_x{scale}/{setting}/{cameras}/{method}/{stage}/seed{seed}"


def untrained_folder(dataset: str, scale: int | str, method: str) -> str:
    """The folder of a method without training."""
    return f"results/runs/{dataset}_x{scale}/{method}"


def generator_folder(dataset, scale, method, setting=None, cameras=None, stage=None, seed=None) -> str:
    """The folder where a method's generator and what is made with it lie; without `stage`: a method without training."""
    if stage is None:
        return untrained_folder(dataset, scale, method)
    return run_folder(dataset, scale, setting, cameras, method, stage, seed)


def generator_file(folder: str) -> str:
    """The network of a run that is measured."""
    return f"{folder}/generator.safetensors"


def history_file(folder: str) -> str:
    """Loss terms of a run over its steps."""
    return f"{folder}/history.jsonl"


def metrics_file(folder: str, camera: str) -> str:
    """Metrics of a folder's generator on a camera's test images."""
    return f"{folder}/metrics_{camera}.json"


def samples_file(folder: str, camera: str) -> str:
    """Crops of the SR of a folder's generator, for reports and figures."""
    return f"{folder}/samples_{camera}.safetensors"


def kernel_file(folder: str, camera: str) -> str:
    """Kernel between the SR of a folder's generator and the camera's LR."""
    return f"{folder}/kernel_{camera}.json"


def table_file(table: str, form: str) -> str:
    """A table as tex, csv or html."""
    return f"results/tables/{table}.{form}"


def reported_file(paper: str) -> str:
    """The numbers that a paper prints."""
    return f"data/reported/{paper}.yaml"
