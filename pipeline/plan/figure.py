"""Kind `figure`: one figure of a paper and the numbers drawn in it."""

from collections.abc import Iterator

from pipeline.errors import UserError
from pipeline.figures.inputs import named
from pipeline.plan import domains, paths, runs, samples
from pipeline.plan.kind import DRAWING, SMALL, Kind, Wildcards
from pipeline.plan.table import SETTING_LABELS

# Curves and text as vectors where there is nothing else, pixels where there are photographs.
FORMATS = {"kernels": "svg", "sr_kernels": "svg", "difference": "png", "comparison": "png"}
NEEDED = {
    "kernels": {"cameras", "bicubic", "split"},
    "sr_kernels": {"pair", "shown", "seed"},
    "difference": {"cameras", "photographs", "method", "setting", "seed"},
    "comparison": {"pairs", "photographs", "methods", "settings", "seed"},
}


def outputs(params: dict, wildcards: Wildcards) -> dict[str, str]:
    """The figure, and the numbers drawn in it; a wildcard `form` says of which kind the figures of a rule are."""
    name = wildcards["figure"]
    form = wildcards.get("form") or FORMATS[params["figures"][name]["kind"]]
    return {"image": f"results/figures/{name}.{form}", "data": f"results/figures/{name}.json"}


def estimation(params: dict, scale: int | str) -> dict:
    """How kernels of a scale are estimated: `pipeline.images.kernels.Estimation`."""
    block = params["kernels"]
    sides = {str(key): side for key, side in block["side"].items()}
    if str(scale) not in sides:
        raise UserError(f"params.yaml: kernels.side has no scale {scale}, only {', '.join(sides)}. Add it.")
    return {"side": sides[str(scale)], **{key: block[key] for key in ("smoothness", "equations")}}


def settings(params: dict, wildcards: Wildcards) -> dict:
    """Everything that the job of a figure is told: `kind`, and `Settings` of pipeline/figures/<kind>.py, with all paths."""
    name = wildcards["figure"]
    block = params["figures"][name]
    dataset = params["datasets"][block["dataset"]]
    cameras = [
        *block.get("cameras", []),
        *block.get("pair", []),
        *(one for pair in block.get("pairs", []) for one in pair),
    ]
    domains.require_available(params, block["dataset"], cameras, f"figure {name}")
    shared = {"kind": block["kind"], "scale": block["scale"], "simulated": dataset["simulated"]}
    return shared | KINDS[block["kind"]](params, block, dataset)


def _kernels(params: dict, block: dict, dataset: dict) -> dict:
    name, scale, split = block["dataset"], block["scale"], block["split"]

    def panel(camera: str, **changes) -> dict:
        files = {kind: paths.data_file(name, scale, camera, split, kind) for kind in ("lr", "hr")}
        recipes = {str(key): recipe for key, recipe in dataset["cameras"][camera].get("recipes", {}).items()}
        row = {"name": camera, "label": dataset["cameras"][camera]["label"], **files, "bicubic": False}
        return row | {"truth": recipes.get(str(scale))} | changes

    panels = [panel(camera) for camera in block["cameras"]]
    if block["bicubic"]:
        first = block["cameras"][0]
        lr = paths.data_file(name, scale, first, split, "bicubic")
        panels.insert(0, panel(first, name="bicubic", label="Bicubic", lr=lr, truth=None, bicubic=True))
    return {"estimation": estimation(params, scale), "panels": panels}


def _sr_kernels(params: dict, block: dict, dataset: dict) -> dict:
    source, target = block["pair"]
    labels = {camera: dataset["cameras"][camera]["label"] for camera in (source, target)}
    own = {kind: paths.data_file(block["dataset"], block["scale"], target, "test", kind) for kind in ("lr", "hr")}
    shown = []
    for entry in block["shown"]:
        folder = _folder(params, block, entry["setting"], source, target, entry["method"])
        setting = (
            f"\n{SETTING_LABELS[entry['setting']].lower()}" if params["methods"][entry["method"]].get("stages") else ""
        )
        label = f"{params['methods'][entry['method']]['label']}{setting}"
        shown.append({"label": label, "kernel": paths.kernel_file(folder, target)})
    return {
        "estimation": estimation(params, block["scale"]),
        "own": {"label": f"{labels[target]},\nHR and LR", **own},
        "shown": shown,
    }


def _difference(params: dict, block: dict, dataset: dict) -> dict:
    labels = {camera: dataset["cameras"][camera]["label"] for camera in block["cameras"]}
    rows = []
    for camera in block["cameras"]:
        photograph = block["photographs"][camera]
        models = [camera, *(other for other in block["cameras"] if other != camera)]
        shown = []
        for source in models:
            folder = _folder(params, block, block["setting"], source, camera, block["method"])
            name = "own model" if source == camera else f"{labels[source]}'s model"
            shown.append({"label": name, "samples": paths.samples_file(folder, camera)})
        row = {"label": f"{labels[camera]}\n{photograph}", "image": photograph, "box": dataset["crops"][photograph]}
        hr = paths.data_file(block["dataset"], block["scale"], camera, "test", "hr")
        rows.append({**row, "hr": hr, "shown": shown})
    return {"rows": rows}


def _comparison(params: dict, block: dict, dataset: dict) -> dict:
    rows, scale = [], block["scale"]
    for source, target in block["pairs"]:
        crops = samples.crops(params, block["dataset"], scale, target)
        files = {image: paths.data_file(block["dataset"], scale, target, "test", image) for image in ("lr", "hr")}
        # SR of a camera that has LR alone is not measured, only shown.
        files |= {"hr": None} if "frames" in dataset["cameras"][target] else {}
        pair = " → ".join(dataset["cameras"][camera]["label"] for camera in (source, target))
        for photograph in block["photographs"]:
            for setting in block["settings"]:
                shown = [
                    {"label": params["methods"][method]["label"], "samples": paths.samples_file(folder, target)}
                    for method in block["methods"]
                    for folder in [_folder(params, block, setting, source, target, method)]
                ]
                row = {"label": f"{pair}\n{SETTING_LABELS[setting].lower()}\n{photograph}", "image": photograph}
                rows.append({**row, "box": crops[photograph], **files, "shown": shown})
    return {"rows": rows}


def _folder(params: dict, block: dict, setting: str, source: str, target: str, method: str) -> str:
    place = block["dataset"], block["scale"], setting, source, target, method, block["seed"]
    return runs.result_folder(params, *place)


KINDS = {"kernels": _kernels, "sr_kernels": _sr_kernels, "difference": _difference, "comparison": _comparison}


def contradictions(params: dict) -> Iterator[str]:
    """Lines for settings of figures that the schema allows but that name things which do not exist."""
    for name, block in params["figures"].items():
        place = f"figures.{name}"
        dataset = params["datasets"].get(block["dataset"])
        if dataset is None:
            yield f"{place}.dataset: '{block['dataset']}' is not one of the datasets {', '.join(params['datasets'])}"
        elif block["scale"] not in dataset["scales"]:
            yield f"{place}.scale: {block['scale']} is not one of datasets.{block['dataset']}.scales {dataset['scales']}"
        elif missing := NEEDED[block["kind"]] - set(block):
            yield f"{place}: a figure of kind {block['kind']} needs {', '.join(sorted(missing))}"
        elif extra := set(block) - NEEDED[block["kind"]] - {"kind", "dataset", "scale"}:
            yield f"{place}: a figure of kind {block['kind']} has no {', '.join(sorted(extra))}"
        else:
            yield from _unknown_names(place, block, dataset, params)


def _unknown_names(place: str, block: dict, dataset: dict, params: dict) -> Iterator[str]:
    cameras = [*block.get("cameras", []), *block.get("pair", [])]
    cameras += [camera for pair in block.get("pairs", []) for camera in pair]
    methods = [*block.get("methods", []), *(entry["method"] for entry in block.get("shown", []))]
    methods += [block["method"]] if "method" in block else []
    photographs = block.get("photographs", [])
    alone = {camera: part["frames"] for camera, part in dataset["cameras"].items() if "frames" in part}
    targets = {pair[1] for pair in block.get("pairs", [])} & set(alone)
    crops = [*dataset["crops"], *(name for camera in targets for name in alone[camera]["crops"])]
    for what, names, known in (
        ("camera", cameras, dataset["cameras"]),
        ("method", methods, params["methods"]),
        ("crop", photographs.values() if isinstance(photographs, dict) else photographs, crops),
    ):
        for unknown in dict.fromkeys(name for name in names if name not in known):
            yield f"{place}: there is no {what} '{unknown}'; there are {', '.join(map(str, known)) or 'none'}"
    for camera in dict.fromkeys(cameras):
        if camera in alone and (camera not in targets or camera in [pair[0] for pair in block["pairs"]]):
            yield f"{place}: camera '{camera}' has no HR; only the target of a comparison can do without"
    for method in methods if targets else []:
        if method in params["methods"] and not params["methods"][method].get("stages"):
            yield f"{place}.methods: '{method}' has no generator to enlarge the frames of {', '.join(targets)} with"
    if block["kind"] == "difference" and set(photographs) != set(block["cameras"]):
        yield f"{place}.photographs: expected one for every camera, {', '.join(block['cameras'])}"


KIND = Kind(
    wildcards=("figure",),
    inputs=lambda params, wildcards: named(settings(params, wildcards)),
    outputs=outputs,
    settings=settings,
    modules=lambda params, wildcards: [f"pipeline.figures.{params['figures'][wildcards['figure']]['kind']}"],
    packages=lambda params, wildcards: DRAWING,
    resources=SMALL | {"mem_mb": 2000},
)
