"""The one door for settings: files -> schema -> cross-checks. Slices of them become the keys of jobs (`pipeline.plan.keys`).

Which files: `pipeline.plan.settings_files`. What `like` and `variants` mean there: `pipeline.plan.inherit`.
"""

from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from pipeline.errors import UserError
from pipeline.plan import figure, settings_files, weights
from pipeline.plan.inherit import Node, plain, tree

SCHEMA = Path("rules/schemas/params.schema.yaml")


def load(path: str | Path = "params.yaml", schema: str | Path = SCHEMA, over: Mapping | None = None) -> dict:
    """Read and check all settings; UserError names file, line, key, value and what was expected.

    `path`: params.yaml, beside which the other files lie. `over`: what was given on the command line, and wins.
    """
    settings = settings_files.read(path, over)
    params = plain(settings)
    check(params, path, schema, settings)
    return params


def check(
    params: dict, path: str | Path = "params.yaml", schema: str | Path = SCHEMA, read: Node | None = None
) -> None:
    """Check settings against the schema and against each other; UserError lists everything that is wrong.

    `read`: the same with files and lines; without it messages name `path`.
    """
    import jsonschema
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    validator = jsonschema.Draft202012Validator(yaml.load(Path(schema).read_bytes(), Loader=loader))
    found = sorted(validator.iter_errors(params), key=lambda error: [str(part) for part in error.absolute_path])
    problems = [(_where(error), _explain(error)) for error in found]
    problems = problems or [(line.partition(": ")[0].split("."), line) for line in _contradictions(params)]
    if problems:
        places = read or tree({}, str(path))
        raise UserError("\n".join(f"{places.nearest(where).place}: {line}" for where, line in problems))


def _where(error) -> list:
    """Path of the value that a schema violation is about: of an unknown key itself, not of the block that holds it."""
    unknown = set()
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        unknown = error.instance.keys() - error.schema.get("properties", {}).keys()
    return [*error.absolute_path, *sorted(map(str, unknown))[:1]]


def _explain(error) -> str:
    """One line for a schema violation, with advice for the classic of YAML numbers."""
    place = ".".join(str(part) for part in error.absolute_path) or "(top level)"
    line = f"{place}: {error.message}"
    if _number_in_disguise(error.instance):
        line += f". YAML reads {error.instance!r} as text; write a number with a point, for example 1.0e-4"
    return line


def _number_in_disguise(value) -> bool:
    try:
        return isinstance(value, str) and float(value) is not None
    except ValueError:
        return False


def _contradictions(params: dict):
    """Lines for settings that the schema allows but that name things which do not exist."""
    datasets, methods, editions = params["datasets"], params["methods"], params["editions"]
    for name, block in datasets.items():
        if block["edition"] not in editions:
            yield f"datasets.{name}.edition: '{block['edition']}' is not one of the editions {', '.join(editions)}"
        for side, value in (block.get("train", {}).get("sub_images") or {}).items():
            if side != "threshold" and (unfit := [scale for scale in block["scales"] if value % scale]):
                yield f"datasets.{name}.train.sub_images.{side}: {value} is no multiple of the scales {unfit}"
        for camera in block.get("available") or []:
            if "frames" in block["cameras"].get(camera, {"frames": None}):
                known = ", ".join(one for one, part in block["cameras"].items() if "frames" not in part)
                yield f"datasets.{name}.available: '{camera}' is not one of its cameras with HR, {known}"
        for camera, recipe in block["cameras"].items():
            for scale in block["scales"]:
                if "recipes" in recipe and str(scale) not in {str(key) for key in recipe["recipes"]}:
                    yield f"datasets.{name}.cameras.{camera}.recipes: no recipe for scale {scale}, listed in scales"
    named = {f"{kind}.{name}": block for kind in ("editions", "datasets") for name, block in params[kind].items()}
    for place, block in named.items():
        for weight in block.get("weights", []):
            if weight not in weights.names():
                yield f"{place}.weights: '{weight}' is no pretrained file of {weights.CATALOGUE}"
    for name, block in datasets.items():
        for weight, stages in block.get("weights_except", {}).items():
            for stage in stages:
                method, _, part = stage.partition("/")
                asked = methods.get(method, {}).get("stages", {}).get(part, {}).get("weights", [])
                if weight not in (chain.from_iterable(asked.values()) if isinstance(asked, dict) else asked):
                    yield f"datasets.{name}.weights_except.{weight}: '{stage}' is no stage that asks for {weight}"
    for name, block in methods.items():
        yield from _method_contradictions(name, block, methods, editions)
    for name, table in params["tables"].items():
        yield from _table_contradictions(name, table, params)
    yield from figure.contradictions(params)
    for name, report in params["reports"].items():
        for key in ("table", "crossdevice"):
            if report[key] not in params["tables"]:
                yield f"reports.{name}.{key}: '{report[key]}' is not one of the tables {', '.join(params['tables'])}"


def _method_contradictions(name: str, block: dict, methods: dict, editions: dict):
    same = block.get("same_as")
    if same and same["method"] not in methods:
        yield f"methods.{name}.same_as.method: there is no method '{same['method']}'"
    if sum(key in block for key in ("same_as", "network", "stages")) != 1:
        yield f"methods.{name}: exactly one of stages, same_as and network is expected"
    if "stages" in block and block["final"] not in block["stages"]:
        yield f"methods.{name}.final: '{block['final']}' is not one of its stages {', '.join(block['stages'])}"
    for stage, settings in block.get("stages", {}).items():
        place = f"methods.{name}.stages.{stage}"
        if stage == block["final"] and "generator" not in settings["produces"]:
            yield f"{place}.produces: the final stage of a method leaves a generator, which is what is measured"
        for key in ("loss", "weights"):
            if isinstance(settings.get(key), dict) and block["preset"] not in settings[key]:
                yield f"{place}.{key}: no preset '{block['preset']}', which methods.{name}.preset names"
        for edition in settings["schedule"]:
            if edition not in editions:
                yield f"{place}.schedule: '{edition}' is not one of the editions {', '.join(editions)}"
        for network, origin in settings["starts"].items():
            method, _, start = origin.partition("/")
            produced = methods.get(method, {}).get("stages", {}).get(start, {}).get("produces", [])
            if network not in produced:
                yield f"{place}.starts.{network}: '{origin}' does not produce a {network}"


def _table_contradictions(name: str, table: dict, params: dict):
    place = f"tables.{name}"
    dataset = params["datasets"].get(table["dataset"])
    if dataset is None:
        yield f"{place}.dataset: '{table['dataset']}' is not one of the datasets {', '.join(params['datasets'])}"
        return
    if table["scale"] not in dataset["scales"]:
        yield f"{place}.scale: {table['scale']} is not one of datasets.{table['dataset']}.scales {dataset['scales']}"
    named = table.get("cameras", []) + [camera for pair in table.get("pairs", []) for camera in pair]
    for camera in dict.fromkeys(named):
        if camera not in dataset["cameras"]:
            known = ", ".join(dataset["cameras"])
            yield f"{place}: camera '{camera}' does not exist in datasets.{table['dataset']}.cameras ({known})"
    for camera in dict.fromkeys(named):
        if "frames" in dataset["cameras"].get(camera, {}):
            yield f"{place}: camera '{camera}' has no HR, so nothing can be measured; show it in a figure"
    if "pairs" not in table and table["kind"] == "comparison":
        yield f"{place}: a comparison needs pairs"
    if "cameras" not in table and table["kind"] == "crossdevice":
        yield f"{place}: a crossdevice table needs cameras"
    for pair in table.get("pairs", []):
        if pair[0] == pair[1]:
            yield f"{place}.pairs: {pair} has the same camera as source and target"
    if strangers := [method for method in table.get("order", []) if method not in params["methods"]]:
        yield f"{place}.order: {', '.join(strangers)} is not one of the methods {', '.join(params['methods'])}"
    for method in table["methods"]:
        block = params["methods"].get(method)
        if block is None:
            yield f"{place}.methods: '{method}' is not one of the methods {', '.join(params['methods'])}"
            continue
        for stage, settings in block.get("stages", {}).items():
            if dataset["edition"] not in settings["schedule"]:
                yield f"methods.{method}.stages.{stage}.schedule: nothing for edition '{dataset['edition']}', used by {place}"
