"""Kind `pack`: one camera of a data set, packed with its manifest."""

from pipeline.plan import paths
from pipeline.plan.kind import IMAGES, Kind, Wildcards


def _outputs(params: dict, wildcards: Wildcards) -> dict[str, str]:
    return {"manifest": paths.manifest_file(**wildcards), **paths.packed_files(**wildcards)}


def _settings(params: dict, wildcards: Wildcards) -> dict:
    block = params["datasets"][wildcards["dataset"]]
    recipes = block["cameras"][wildcards["camera"]].get("recipes", {})
    recipe = {str(scale): recipe for scale, recipe in recipes.items() if str(scale) == wildcards["scale"]}
    return {
        "module": block["module"],
        "scale": int(wildcards["scale"]),
        "camera": wildcards["camera"],
        **{name: block[name] for name in ("train", "val", "test") if name in block},
        "recipe": {"recipes": recipe},
    }


def _modules(params: dict, wildcards: Wildcards) -> list[str]:
    return [f"pipeline.datasets.{params['datasets'][wildcards['dataset']]['module']}"]


KIND = Kind(
    wildcards=("dataset", "scale", "camera"),
    outputs=_outputs,
    settings=_settings,
    modules=_modules,
    # The photographs in scikit-image and scikit-learn are checked by their hash, so no version of these matters.
    packages=lambda params, wildcards: IMAGES,
    resources="pack",
)
