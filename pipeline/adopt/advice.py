"""What can be run with a copy: the lines to set in params.yaml, and how many cells of each table they give."""

from pathlib import Path

from pipeline.plan import runs as plan


def lines(params: dict, name: str, folder: Path, found: dict) -> list[str]:
    """For every data set that is read from this copy: what to set, scale by scale; nothing for copies that no table reads."""
    said = []
    for dataset, block in params["datasets"].items():
        if block["module"] != name or found["level"] == "fail":
            continue
        named = params["adopt"].get(name)
        if named is None or Path(named) != folder:
            said.append(f"set in params.yaml  adopt.{name}: {folder}")
        for scale in block["scales"]:
            said += _of_scale(
                params, dataset, scale, {group.lower() for size, group in found["usable"] if size == scale}
            )
    return said


def _of_scale(params: dict, dataset: str, scale: int, usable: set[str]) -> list[str]:
    cameras = params["datasets"][dataset]["cameras"]
    wanted = [camera for camera, block in cameras.items() if "frames" not in block]
    there = [camera for camera in wanted if camera in usable]
    if not there:
        return []
    value = "null" if there == wanted else f"[{', '.join(there)}]"
    changed = {**params["datasets"][dataset], "available": None if there == wanted else there}
    params = {**params, "datasets": {**params["datasets"], dataset: changed}}
    counts = []
    for table, block in params["tables"].items():
        if (block["dataset"], block["scale"]) == (dataset, scale):
            cells = len(plan.table_cells(params, table))
            counts.append(f"{table} {cells} of {cells + len(plan.absent_cells(params, table))}")
    cells = f"  (cells: {', '.join(counts)})" if counts else ""
    return [f"x{scale}: set in params/domains.yaml  datasets.{dataset}.available: {value}{cells}"]
