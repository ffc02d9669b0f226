"""Kind `report`: one page with a table, what it means, pictures of every pair and the curves of every run."""

from pipeline.plan import cells, domains, paths, runs, table
from pipeline.plan.kind import DRAWING, SMALL, Kind, Wildcards


def shown(params: dict, report: str) -> list[dict]:
    """Crops and metrics of every method on every pair; UserError when this copy has no pair of the table whole."""
    name = params["reports"][report]["table"]
    block = params["tables"][name]
    pairs = cells.whole_pairs(params, name)
    if not pairs:
        domains.require_available(params, block["dataset"], cells.cameras(block), f"report {report}")
    rows = []
    for source, target in pairs:
        for method in block["methods"]:
            place = block["dataset"], block["scale"], block["settings"][0], source, target, method, block["seeds"][0]
            folder = runs.result_folder(params, *place)
            files = {"samples": paths.samples_file(folder, target), "metrics": paths.metrics_file(folder, target)}
            rows.append({"method": method, "source": source, "target": target, **files})
    return rows


def _tests(params: dict, report: str) -> list[dict]:
    """Test images of every target that is shown."""
    block = params["tables"][params["reports"][report]["table"]]
    targets = dict.fromkeys(row["target"] for row in shown(params, report))
    place = block["dataset"], block["scale"]
    return [
        {"camera": camera} | {image: paths.data_file(*place, camera, "test", image) for image in ("lr", "hr")}
        for camera in targets
    ]


def _histories(params: dict, report: str) -> list[dict]:
    """Every training below the table: the figure it belongs to, the name of its line, its file."""
    name = params["reports"][report]["table"]
    return [
        {
            "stage": f"{params['methods'][run['method']]['label']}: {run['stage']}",
            "path": paths.history_file(folder),
            "label": " → ".join(domains.label(params, run["dataset"], one) for one in run["cameras"].split("-")),
        }
        for folder, run in cells.training_runs(params, name).items()
    ]


def _inputs(params: dict, wildcards: Wildcards) -> dict:
    report, block = wildcards["report"], params["reports"][wildcards["report"]]
    rows, tests = shown(params, report), _tests(params, report)
    return {
        "samples": list(dict.fromkeys(row["samples"] for row in rows)),
        "metrics": list(dict.fromkeys(row["metrics"] for row in rows)),
        "test_lr": [row["lr"] for row in tests],
        "test_hr": [row["hr"] for row in tests],
        "history": [row["path"] for row in _histories(params, report)],
        "table_html": paths.table_file(block["table"], "html"),
        "csv": paths.table_file(block["table"], "csv"),
        "crossdevice_html": paths.table_file(block["crossdevice"], "html"),
    }


def _settings(params: dict, wildcards: Wildcards) -> dict:
    report, block = wildcards["report"], params["reports"][wildcards["report"]]
    own = params["tables"][block["table"]]
    dataset = own["dataset"]
    return {
        "title": block["title"],
        "table": block["table"],
        "scale": own["scale"],
        "simulated": params["datasets"][dataset]["simulated"],
        # In the order of the pairs: the order of keys in the settings means nothing.
        "cameras": table.camera_labels(params, dataset, cells.cameras(own)),
        "pairs": [table.pair(params, dataset, *pair) for pair in cells.whole_pairs(params, block["table"])],
        "setting": own["settings"][0],
        "settings": own["settings"],
        "setting_labels": table.SETTING_LABELS,
        "gain": own["gain"],
        "metric": {"name": "psnr_y", **params["metrics"]["psnr_y"]},
        "level": domains.edition(params, dataset)["evaluate"]["bootstrap"]["level"],
        "methods": [{"name": name, "label": params["methods"][name]["label"]} for name in own["methods"]],
        "crops": params["datasets"][dataset]["crops"],
        "shown": shown(params, report),
        "tests": _tests(params, report),
        "histories": _histories(params, report),
        "notes": table.notes(params, block["table"]),
        "credits": params["datasets"][dataset].get("credits", []),
    }


KIND = Kind(
    wildcards=("report",),
    inputs=_inputs,
    outputs=lambda params, wildcards: {"html": f"results/report/{wildcards['report']}.html"},
    settings=_settings,
    packages=lambda params, wildcards: DRAWING,
    resources=SMALL | {"mem_mb": 2000},
)
