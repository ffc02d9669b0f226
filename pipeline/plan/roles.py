"""Which file plays which role in a job: the names under which jobs get inputs and leave outputs. One owner for rules and keys."""

from pipeline.errors import UserError
from pipeline.plan import figure, weights
from pipeline.plan import runs as plan

Files = dict[str, str | list[str]]


def inputs(params: dict, stage: str, wildcards: dict) -> Files:
    """Name -> path, or paths where the job's settings say what each one is."""
    return INPUTS[stage](params, wildcards) if stage in INPUTS else {}


def outputs(params: dict, stage: str, wildcards: dict) -> dict[str, str]:
    """Name -> path, the file that names the receipt first."""
    return OUTPUTS[stage](params, wildcards)


def named(params: dict, stage: str, wildcards: dict) -> dict[str, dict[str, str]]:
    """The part of a job's key that says which file plays which role; what settings name already is left out."""
    single = {name: path for name, path in inputs(params, stage, wildcards).items() if isinstance(path, str)}
    return {"inputs": single, "outputs": outputs(params, stage, wildcards)}


def _train_inputs(params: dict, wildcards: dict) -> Files:
    return plan.train_inputs(params, **wildcards)


def _evaluate_inputs(params: dict, wildcards: dict) -> Files:
    """Test images, LPIPS weights where the edition has them, and the generator of a method that is trained."""
    dataset, scale, camera = (wildcards[name] for name in ("dataset", "scale", "camera"))
    files = {f"test_{kind}": plan.data_file(dataset, scale, camera, "test", kind) for kind in ("lr", "hr")}
    if "alexnet" in plan.edition(params, dataset)["weights"]:
        files["lpips_weights"] = weights.file_of("alexnet")
    if "stage" in wildcards:
        files["generator"] = f"{_result_folder(wildcards)}/generator.safetensors"
    return files


def _table_inputs(params: dict, wildcards: dict) -> Files:
    """Metrics files of every cell, and the reported numbers where the table sets them beside."""
    block, cells = params["tables"][wildcards["table"]], plan.table_cells(params, wildcards["table"])
    if not cells:
        cameras = (camera for pair in plan.cell_cameras(block) for camera in pair)
        plan.require(params, block["dataset"], cameras, f"every cell of table {wildcards['table']}")
    reported, files = block["reported"], {"metrics": _unique(cell["metrics"] for cell in cells)}
    return files | ({"reported": f"data/reported/{reported}.yaml"} if reported else {})


def _report_inputs(params: dict, wildcards: dict) -> Files:
    """Everything that a report shows, by kind."""
    shown, block = plan.report_inputs(params, wildcards["report"]), params["reports"][wildcards["report"]]
    return {
        "samples": _unique(row["samples"] for row in shown["shown"]),
        "metrics": _unique(row["metrics"] for row in shown["shown"]),
        "test_lr": _unique(row["lr"] for row in shown["tests"]),
        "test_hr": _unique(row["hr"] for row in shown["tests"]),
        "history": list(shown["histories"]),
        "table_html": f"results/tables/{block['table']}.html",
        "csv": f"results/tables/{block['table']}.csv",
        "crossdevice_html": f"results/tables/{block['crossdevice']}.html",
    }


def _claims_inputs(params: dict, wildcards: dict) -> Files:
    """A paper's numbers, and what it says about them; UserError for a paper that params.yaml does not name."""
    paper = wildcards["paper"]
    if paper not in params["papers"]:
        raise UserError(f"params.yaml: papers has no '{paper}'; it has {', '.join(params['papers'])}.")
    return {"numbers": f"data/reported/{paper}.yaml", "claims": f"data/reported/claims/{paper}.yaml"}


def _pack_outputs(params: dict, wildcards: dict) -> dict[str, str]:
    place = [wildcards[name] for name in ("dataset", "scale", "camera")]
    return {"manifest": plan.manifest_file(*place), **plan.packed_files(*place)}


def _train_outputs(params: dict, wildcards: dict) -> dict[str, str]:
    return plan.train_outputs(params, **wildcards)


def _evaluate_outputs(params: dict, wildcards: dict) -> dict[str, str]:
    folder, camera = _result_folder(wildcards), wildcards["camera"]
    return {"metrics": plan.metrics_file(folder, camera), "samples": plan.samples_file(folder, camera)}


def _table_outputs(params: dict, wildcards: dict) -> dict[str, str]:
    return {kind: f"results/tables/{wildcards['table']}.{kind}" for kind in ("tex", "csv", "html")}


def _claims_outputs(params: dict, wildcards: dict) -> dict[str, str]:
    return {kind: f"results/report/claims_{wildcards['paper']}.{kind}" for kind in ("html", "csv")}


def _result_folder(wildcards: dict) -> str:
    if "stage" not in wildcards:
        return plan.untrained_folder(wildcards["dataset"], wildcards["scale"], wildcards["method"])
    return plan.run_folder(**{name: value for name, value in wildcards.items() if name != "camera"})


def _pack_frames_outputs(params: dict, wildcards: dict) -> dict[str, str]:
    place = [wildcards[name] for name in ("dataset", "scale", "camera")]
    return {"manifest": plan.manifest_file(*place), **plan.frames_files(*place)}


def _enlarge_inputs(params: dict, wildcards: dict) -> Files:
    """What a generator is shown where nothing is measured: the camera's LR alone."""
    files = {"test_lr": plan.data_file(*(wildcards[name] for name in ("dataset", "scale", "camera")), "test", "lr")}
    return files | ({"generator": f"{_result_folder(wildcards)}/generator.safetensors"} if "stage" in wildcards else {})


def _figure_outputs(params: dict, wildcards: dict) -> dict[str, str]:
    image = figure.image(params, wildcards["figure"])
    return {"image": image, "data": f"{image.rpartition('.')[0]}.json"}


def _unique(values) -> list[str]:
    return list(dict.fromkeys(values))


INPUTS = {
    "train": _train_inputs,
    "evaluate": _evaluate_inputs,
    "table": _table_inputs,
    "report": _report_inputs,
    "claims": _claims_inputs,
    "sr_kernel": _enlarge_inputs,
    "frames": _enlarge_inputs,
    "figure": lambda params, wildcards: figure.files(params, wildcards["figure"]),
}
OUTPUTS = {
    "pack": _pack_outputs,
    "fetch_weights": lambda params, wildcards: {"file": f"data/weights/{wildcards['file']}"},
    "train": _train_outputs,
    "evaluate": _evaluate_outputs,
    "table": _table_outputs,
    "report": lambda params, wildcards: {"html": f"results/report/{wildcards['report']}.html"},
    "claims": _claims_outputs,
    "sr_kernel": lambda params, wildcards: {"kernel": plan.kernel_file(_result_folder(wildcards), wildcards["camera"])},
    "pack_frames": _pack_frames_outputs,
    "frames": lambda params, wildcards: {"samples": plan.frames_file(_result_folder(wildcards), wildcards["camera"])},
    "figure": _figure_outputs,
}
