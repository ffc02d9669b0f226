"""Kind `table`: measured metrics and a paper's reported numbers as LaTeX, CSV and HTML."""

from pipeline.plan import cells, domains, paths, runs, weights
from pipeline.plan.kind import SMALL, Kind, Wildcards
from pipeline.plan.seen import seen

FORMS = ("tex", "csv", "html")
SETTING_LABELS = {"real": "Real → Real", "synthetic": "Synthetic → Real"}


def _inputs(params: dict, wildcards: Wildcards) -> dict:
    """Metrics files of every cell, and the reported numbers if the table shows them."""
    name = wildcards["table"]
    block, own = params["tables"][name], cells.table_cells(params, name)
    if not own:
        domains.require_available(params, block["dataset"], cells.cameras(block), f"every cell of table {name}")
    reported = {"reported": paths.reported_file(block["reported"])} if block["reported"] else {}
    return {"metrics": list(dict.fromkeys(cell["metrics"] for cell in own)), **reported}


def _settings(params: dict, wildcards: Wildcards) -> dict:
    name = wildcards["table"]
    block = params["tables"][name]
    dataset = block["dataset"]
    return {
        **{key: block[key] for key in ("kind", "title", "dataset", "scale", "settings", "seeds")},
        "caption": block["caption"].replace("{scale}", str(block["scale"])),
        **{key: block[key] for key in ("reported", "gain", "tolerance")},
        "name": name,
        "simulated": params["datasets"][dataset]["simulated"],
        "cameras": camera_labels(params, dataset, cells.cameras(block)),
        "methods": _rows(params, block),
        "pairs": [pair(params, dataset, *cameras) for cameras in cells.camera_pairs(block)],
        "setting_labels": SETTING_LABELS,
        "metrics": [{"name": metric, **params["metrics"][metric]} for metric in block["metrics"]],
        "bootstrap": domains.edition(params, dataset)["evaluate"]["bootstrap"],
        "notes": [*notes(params, name), *block["notes"]],
        "cells": cells.all_cells(params, name),
    }


def pair(params: dict, dataset: str, source: str, target: str) -> dict[str, str]:
    """A pair of cameras as a column of tables and reports."""
    labels = (domains.label(params, dataset, camera) for camera in (source, target))
    return {"source": source, "target": target, "label": " → ".join(labels)}


def camera_labels(params: dict, dataset: str, cameras: list[str]) -> list[dict[str, str]]:
    """Cameras with their labels."""
    return [{"name": camera, "label": domains.label(params, dataset, camera)} for camera in cameras]


def notes(params: dict, table: str) -> list[str]:
    """What is computed for a table's notes: how its generators were trained, and which images are missing."""
    return [*_training_notes(params, table), *_absent_notes(params, table)]


def _rows(params: dict, block: dict) -> list[dict]:
    """The first method, rows that only the paper has, the other methods."""
    first, *others = (_row(params, method, block["settings"]) for method in block["methods"])
    only = [
        {"name": name, "label": label, "trained": True, "ranked": True, "run": False, "settings": block["settings"]}
        for name, label in block.get("reported_only", {}).items()
    ]
    return [first, *only, *others]


def _row(params: dict, method: str, settings: list[str]) -> dict:
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


def _training_notes(params: dict, table: str) -> list[str]:
    """How the generators were trained and chosen, on which pretrained features, and which loss terms were left out."""
    dataset = params["tables"][table]["dataset"]
    edition, size = params["datasets"][dataset]["edition"], domains.edition(params, dataset)
    trainings = list(cells.training_runs(params, table).values())
    lengths, absent, given = [], set(), {}
    for method, stage in dict.fromkeys((run["method"], run["stage"]) for run in trainings):
        block = runs.stage_block(params, method, stage)
        label, preset = params["methods"][method]["label"], params["methods"][method]["preset"]
        lengths.append(f"{label} {stage} {block['schedule'][edition]['steps']:,} (preset {preset})")
        provided = runs.stage_weights(params, dataset, method, stage)
        for name in provided:
            given.setdefault(name, []).append(f"{label} {stage}")
        for name in set(runs.asked_weights(params, method, stage)) - set(provided):
            absent.add(f"{name} by {label} {stage}" if name in size["weights"] else name)
    lines = [f"Edition {edition}. Training steps: {', '.join(lengths)}.", seen(params, trainings).sentences()]
    if absent:
        terms = ", ".join(sorted(absent))
        lines.append(f"This edition leaves out the loss terms that need these pretrained files: {terms}.")
    if given:
        users = (f"{weights.entry(name)['file']} by {', '.join(by)}" for name, by in sorted(given.items()))
        lines.append(f"Pretrained features in loss terms: {'; '.join(users)}.")
    return lines


def _absent_notes(params: dict, table: str) -> list[str]:
    """Why cells of a table are dashes where this copy of the data set is not whole."""
    block = params["tables"][table]
    dataset = block["dataset"]
    here = domains.available(params, dataset)
    labels = [domains.label(params, dataset, camera) for camera in cells.cameras(block) if camera not in here]
    if not labels:
        return []
    return [
        f"Partial data: this copy of {params['datasets'][dataset]['label']} has no images of {', '.join(labels)} "
        f"(setting datasets.{dataset}.available); – stands where a cell needs them."
    ]


KIND = Kind(
    wildcards=("table",),
    inputs=_inputs,
    outputs=lambda params, wildcards: {form: paths.table_file(wildcards["table"], form) for form in FORMS},
    settings=_settings,
    packages=lambda params, wildcards: ("numpy", "pyyaml"),
    resources=SMALL,
)
