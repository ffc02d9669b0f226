"""What each kind of job rests on: its modules, its slice of params.yaml, its packages. The key of a job is exactly that."""

from pipeline.errors import UserError
from pipeline.plan import figure, roles
from pipeline.plan import networks as stages_networks
from pipeline.plan import runs as plan
from pipeline.plan import weights as pretrained
from pipeline.provenance import environment, fingerprint, shell_lines

IMAGES = ["numpy", "pillow", "safetensors"]


def key(params: dict, stage: str, wildcards: dict) -> dict:
    """The key of a job: equal keys and equal inputs promise equal outputs. UserError for an unknown stage."""
    if stage not in STAGES:
        raise UserError(f"'{stage}' is no stage of this pipeline; stages are {', '.join(STAGES)}.")
    wildcards = {name: str(value) for name, value in wildcards.items()}
    modules, settings, packages = STAGES[stage](params, wildcards)
    return {
        "stage": stage,
        "wildcards": wildcards,
        "settings": settings,
        "files": roles.named(params, stage, wildcards),
        "code": {"modules": modules, "sha256": fingerprint.code(*modules)},
        "packages": {"names": packages, "sha256": environment.packages_hash(environment.LOCK, packages)}
        if packages
        else None,
        "shell": shell_lines.digest(RULES[stage]),
    }


def _pack(params: dict, wildcards: dict):
    block = params["datasets"][wildcards["dataset"]]
    shared = {name: value for name, value in block.items() if name in ("train", "val", "test")}
    settings = {"module": block["module"], "scale": int(wildcards["scale"]), "camera": wildcards["camera"], **shared}
    recipes = block["cameras"][wildcards["camera"]].get("recipes", {})
    settings["recipe"] = {
        "recipes": {str(scale): r for scale, r in recipes.items() if str(scale) == wildcards["scale"]}
    }
    packages = [*IMAGES, "scikit-image", "scikit-learn"]
    return ["pipeline.jobs.pack", f"pipeline.datasets.{block['module']}"], settings, packages


def _pack_frames(params: dict, wildcards: dict):
    block = params["datasets"][wildcards["dataset"]]["cameras"][wildcards["camera"]]["frames"]
    settings = {name: value for name, value in block.items() if name != "crops"}
    return ["pipeline.jobs.pack_frames", f"pipeline.datasets.{block['module']}"], settings, IMAGES


def _weights(params: dict, wildcards: dict):
    entry = pretrained.by_file(wildcards["file"])
    return ["pipeline.jobs.fetch_weights"], {name: entry[name] for name in ("file", "sha256_prefix")}, []


def _train(params: dict, wildcards: dict):
    dataset, method, stage = wildcards["dataset"], wildcards["method"], wildcards["stage"]
    edition, block = plan.edition(params, dataset), params["methods"][method]
    settings = plan.stage_block(params, method, stage)
    module = block.get("module", method)
    networks = {role: edition["networks"][role] for role in settings["networks"]}
    names = {spec["name"] for spec in networks.values()} | {settings[key] for key in ("generator",) if key in settings}
    weights = plan.stage_weights(params, dataset, method, stage)
    return (
        ["pipeline.jobs.train", f"pipeline.methods.{module}", *(f"pipeline.models.{name}" for name in sorted(names))],
        {
            "method": module,
            "stage": stage,
            "scale": int(wildcards["scale"]),
            "seed": int(wildcards["seed"]),
            "networks": networks,
            "loss": settings["loss"][block["preset"]],
            "schedule": settings["schedule"][params["datasets"][dataset]["edition"]],
            "selection": settings["selection"],
            "weights": {name: pretrained.spec(name) for name in weights},
            "compute": edition["compute"],
            "training": edition["training"],
        },
        stages_networks.packages(lpips="alexnet" in weights),
    )


def _table(params: dict, wildcards: dict):
    name = wildcards["table"]
    block = params["tables"][name]
    dataset = params["datasets"][block["dataset"]]
    used = list(dict.fromkeys(camera for pair in plan.cell_cameras(block) for camera in pair))
    settings = {
        **{key: block[key] for key in ("kind", "title", "dataset", "scale", "settings", "seeds")},
        "caption": block["caption"].replace("{scale}", str(block["scale"])),
        **{key: block[key] for key in ("reported", "gain", "tolerance")},
        "name": name,
        "simulated": dataset["simulated"],
        "cameras": [{"name": camera, "label": dataset["cameras"][camera]["label"]} for camera in used],
        "methods": _table_methods(params, block),
        "pairs": [_table_pair(dataset, *pair) for pair in plan.cell_cameras(block)],
        "setting_labels": SETTING_LABELS,
        "metrics": [{"name": metric, **params["metrics"][metric]} for metric in block["metrics"]],
        "bootstrap": plan.edition(params, block["dataset"])["evaluate"]["bootstrap"],
        "notes": [*_training_notes(params, name), *_absent_notes(params, name), *block["notes"]],
        "cells": plan.all_cells(params, name),
    }
    return ["pipeline.jobs.table"], settings, ["numpy", "pyyaml"]


def _table_methods(params: dict, block: dict) -> list[dict]:
    """Rows: the first method, rows that only the paper has, the other methods."""
    first, *others = (_table_method(params, method, block["settings"]) for method in block["methods"])
    only = [
        {"name": name, "label": label, "trained": True, "ranked": True, "run": False, "settings": block["settings"]}
        for name, label in block.get("reported_only", {}).items()
    ]
    return [first, *only, *others]


def _table_method(params: dict, method: str, settings: list[str]) -> dict:
    block = params["methods"][method]
    same = block.get("same_as")
    return {
        "name": method,
        "label": block["label"],
        "trained": "network" not in block,
        "ranked": not (same and same["camera"] == "target"),
        "run": True,
        "settings": [same["setting"]] if same and same["setting"] in settings else settings,
    }


def _table_pair(dataset: dict, source: str, target: str) -> dict:
    label = {camera: block["label"] for camera, block in dataset["cameras"].items()}
    return {"source": source, "target": target, "label": f"{label[source]} → {label[target]}"}


def _training_notes(params: dict, table: str) -> list[str]:
    """How the generators were trained and chosen, on which pretrained features, and which loss terms were left out."""
    dataset = params["tables"][table]["dataset"]
    edition, size = params["datasets"][dataset]["edition"], plan.edition(params, dataset)
    stages = dict.fromkeys((run["method"], run["stage"]) for run in plan.training_runs(params, table).values())
    lengths, absent, given = [], set(), {}
    for method, stage in stages:
        block = plan.stage_block(params, method, stage)
        label, preset = params["methods"][method]["label"], params["methods"][method]["preset"]
        lengths.append(f"{label} {stage} {block['schedule'][edition]['steps']:,} (preset {preset})")
        provided = plan.stage_weights(params, dataset, method, stage)
        for name in provided:
            given.setdefault(name, []).append(f"{label} {stage}")
        for name in set(plan.asked_weights(params, method, stage)) - set(provided):
            absent.add(f"{name} by {label} {stage}" if name in size["weights"] else name)
    lines = [f"Edition {edition}. Training steps: {', '.join(lengths)}."]
    lines.append(
        "Checkpoint: always the last. No training is given a test image, no adaptation the HR of its target camera."
    )
    if absent:
        lines.append(
            f"Loss terms that need pretrained files are left out in this edition: {', '.join(sorted(absent))}."
        )
    if given:
        told = (f"{pretrained.entry(name)['file']} by {', '.join(users)}" for name, users in sorted(given.items()))
        lines.append(f"Pretrained features in loss terms: {'; '.join(told)}.")
    return lines


def _absent_notes(params: dict, table: str) -> list[str]:
    """Why cells of a table are dashes where this copy of the data set is not whole."""
    dataset = params["tables"][table]["dataset"]
    cameras, there = params["datasets"][dataset]["cameras"], plan.available(params, dataset)
    used = dict.fromkeys(camera for pair in plan.cell_cameras(params["tables"][table]) for camera in pair)
    labels = [cameras[camera]["label"] for camera in used if camera not in there]
    if not labels:
        return []
    return [
        f"Partial data: this copy of {params['datasets'][dataset]['label']} has no images of {', '.join(labels)} "
        f"(datasets.{dataset}.available in params.yaml); – stands where a cell needs them."
    ]


def _report(params: dict, wildcards: dict):
    block = params["reports"][wildcards["report"]]
    table = params["tables"][block["table"]]
    dataset = params["datasets"][table["dataset"]]
    # In the order of the pairs: that of the keys in params.yaml means nothing.
    shown = dict.fromkeys(name for pair in table["pairs"] for name in pair)
    cameras = {name: dataset["cameras"][name]["label"] for name in shown}
    inputs = plan.report_inputs(params, wildcards["report"])
    settings = {
        "title": block["title"],
        "table": block["table"],
        "scale": table["scale"],
        "simulated": dataset["simulated"],
        "cameras": [{"name": name, "label": label} for name, label in cameras.items()],
        "pairs": [_table_pair(dataset, *pair) for pair in plan.whole_pairs(params, block["table"])],
        "setting": table["settings"][0],
        "settings": table["settings"],
        "setting_labels": SETTING_LABELS,
        "gain": table["gain"],
        "metric": {"name": "psnr_y", **params["metrics"]["psnr_y"]},
        "level": plan.edition(params, table["dataset"])["evaluate"]["bootstrap"]["level"],
        "methods": [{"name": name, "label": params["methods"][name]["label"]} for name in table["methods"]],
        "crops": dataset["crops"],
        "shown": inputs["shown"],
        "tests": inputs["tests"],
        "histories": [
            {"stage": f"{params['methods'][run['method']]['label']}: {run['stage']}", "path": path}
            | {"label": " → ".join(cameras[camera] for camera in run["cameras"].split("-"))}
            for path, run in inputs["histories"].items()
        ],
        "notes": [*_training_notes(params, block["table"]), *_absent_notes(params, block["table"])],
        "credits": dataset.get("credits", []),
    }
    return ["pipeline.jobs.report"], settings, ["numpy", "pillow", "matplotlib"]


def _claims(params: dict, wildcards: dict):
    return ["pipeline.jobs.claims"], {"paper": wildcards["paper"]}, ["pyyaml"]


def _figure(params: dict, wildcards: dict):
    settings = figure.settings(params, wildcards["figure"])
    modules = ["pipeline.jobs.figure", f"pipeline.figures.{settings['kind']}"]
    return modules, settings, ["numpy", "pillow", "matplotlib"]


# The file of rules whose shell line runs a stage's jobs.
RULES = {
    "pack": "pack.smk",
    "fetch_weights": "fetch_weights.smk",
    "train": "train.smk",
    "evaluate": "evaluate.smk",
    "table": "table.smk",
    "report": "report.smk",
    "claims": "claims.smk",
    "pack_frames": "pack_frames.smk",
    "sr_kernel": "sr_kernel.smk",
    "frames": "frames.smk",
    "figure": "figure.smk",
}
SETTING_LABELS = {"real": "Real → Real", "synthetic": "Synthetic → Real"}
STAGES = {
    "pack": _pack,
    "fetch_weights": _weights,
    "train": _train,
    "evaluate": stages_networks.evaluate,
    "table": _table,
    "report": _report,
    "claims": _claims,
    "pack_frames": _pack_frames,
    "sr_kernel": stages_networks.sr_kernel,
    "frames": stages_networks.frames,
    "figure": _figure,
}
