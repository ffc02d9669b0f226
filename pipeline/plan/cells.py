"""Which numbers a table holds, and which training runs stand below it."""

from pipeline.plan import domains, paths, runs


def all_cells(params: dict, table: str) -> list[dict]:
    """Every number group of a table in its order: method, setting, source, target, seed, and the metrics file it is in.

    `metrics` is None for a cell that needs images of a camera which this copy lacks.
    """
    block = params["tables"][table]
    dataset, scale = block["dataset"], block["scale"]
    here = set(domains.available(params, dataset))
    cells = []
    for setting in block["settings"]:
        for method in block["methods"]:
            fixed = params["methods"][method].get("same_as", {}).get("setting", setting)
            if fixed != setting and fixed in block["settings"]:
                continue
            trained = "network" not in params["methods"][method]
            for source, target in camera_pairs(block):
                for seed in block["seeds"] if trained else block["seeds"][:1]:
                    place = dataset, scale, setting, source, target, method, seed
                    run = runs.generator_run(params, *place)
                    read = {*run["cameras"].split("-"), target} if run else {target}
                    path = paths.metrics_file(runs.result_folder(params, *place), target) if read <= here else None
                    cells.append(
                        {"method": method, "setting": setting, "source": source, "target": target, "seed": seed}
                        | {"metrics": path}
                    )
    return cells


def table_cells(params: dict, table: str) -> list[dict]:
    """The cells of a table that can be computed with this copy."""
    return [cell for cell in all_cells(params, table) if cell["metrics"]]


def absent_cells(params: dict, table: str) -> list[dict]:
    """The cells of a table that cannot be computed with this copy."""
    return [cell for cell in all_cells(params, table) if not cell["metrics"]]


def camera_pairs(block: dict) -> list[tuple[str, str]]:
    """(trained on, tested on) of a table: its pairs, or every camera on every camera."""
    if block["kind"] == "crossdevice":
        return [(source, target) for source in block["cameras"] for target in block["cameras"]]
    return [tuple(pair) for pair in block["pairs"]]


def cameras(block: dict) -> list[str]:
    """Cameras of a table, each once, in the order of its pairs."""
    return list(dict.fromkeys(camera for pair in camera_pairs(block) for camera in pair))


def whole_pairs(params: dict, table: str) -> list[tuple[str, str]]:
    """The pairs of a table of which this copy has both cameras."""
    here = set(domains.available(params, params["tables"][table]["dataset"]))
    return [pair for pair in camera_pairs(params["tables"][table]) if here.issuperset(pair)]


def training_runs(params: dict, table: str) -> dict[str, dict[str, str]]:
    """Folder -> run of every training below a table, start stages included, each once, those that start others first."""
    block = params["tables"][table]
    found: dict[str, dict[str, str]] = {}

    def add(run: dict[str, str]) -> None:
        folder = paths.run_folder(**run)
        if folder not in found:
            for start in runs.start_runs(params, run).values():
                add(start)
            found[folder] = run

    for cell in table_cells(params, table):
        place = (cell[key] for key in ("setting", "source", "target", "method", "seed"))
        run = runs.generator_run(params, block["dataset"], block["scale"], *place)
        if run:
            add(run)
    return found
