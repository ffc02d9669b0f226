"""Advice after an adoption: the lines to set, and how many cells of each table can then be computed."""

from pathlib import Path

from pipeline.plan import cells


def lines(params: dict, name: str, folder: Path, report: dict) -> list[str]:
    """What to set in the settings for every data set and scale read from this copy; empty for a copy that no table reads."""
    advice = []
    for dataset, block in params["datasets"].items():
        if block["module"] != name or report["level"] == "fail":
            continue
        configured = params["adopt"].get(name)
        if configured is None or Path(configured) != folder:
            advice.append(f"set in site.yaml  adopt.{name}: {folder}")
        for scale in block["scales"]:
            advice += _of_scale(
                params, dataset, scale, {group.lower() for size, group in report["usable"] if size == scale}
            )
    return advice


def _of_scale(params: dict, dataset: str, scale: int, usable: set[str]) -> list[str]:
    cameras = params["datasets"][dataset]["cameras"]
    expected = [camera for camera, block in cameras.items() if "frames" not in block]
    present = [camera for camera in expected if camera in usable]
    if not present:
        return []
    value = "null" if present == expected else f"[{', '.join(present)}]"
    changed = {**params["datasets"][dataset], "available": None if present == expected else present}
    params = {**params, "datasets": {**params["datasets"], dataset: changed}}
    counts = []
    for table, block in params["tables"].items():
        if (block["dataset"], block["scale"]) == (dataset, scale):
            count = len(cells.table_cells(params, table))
            counts.append(f"{table} {count} of {count + len(cells.absent_cells(params, table))}")
    counted = f"  (cells: {', '.join(counts)})" if counts else ""
    return [f"x{scale}: set in params/domains.yaml  datasets.{dataset}.available: {value}{counted}"]
