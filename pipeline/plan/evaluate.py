"""Kind `evaluate`: metrics of a generator on a camera's test images."""

from pipeline.plan import domains, generators, paths, weights
from pipeline.plan.kind import LPIPS, TORCH, Kind, Wildcards

LPIPS_NETWORK = "alexnet"


def _inputs(params: dict, wildcards: Wildcards) -> dict[str, str]:
    files = generators.inputs(params, wildcards) | {"test_hr": generators.test_file(wildcards, "hr")}
    if _has_lpips(params, wildcards):
        files["lpips_weights"] = weights.file_of(LPIPS_NETWORK)
    return files


def _has_lpips(params: dict, wildcards: Wildcards) -> bool:
    return LPIPS_NETWORK in domains.edition(params, wildcards["dataset"])["weights"]


def _settings(params: dict, wildcards: Wildcards) -> dict:
    edition = domains.edition(params, wildcards["dataset"])
    return {
        "dataset": wildcards["dataset"],
        "scale": int(wildcards["scale"]),
        "camera": wildcards["camera"],
        **generators.network(params, wildcards),
        "lpips_weights": weights.spec(LPIPS_NETWORK) if _has_lpips(params, wildcards) else None,
        "compute": edition["compute"],
        # Intervals are drawn by the tables that show them.
        **{name: value for name, value in edition["evaluate"].items() if name != "bootstrap"},
    }


KIND = Kind(
    wildcards=generators.WILDCARDS,
    inputs=_inputs,
    outputs=lambda params, wildcards: {
        "metrics": paths.metrics_file(generators.folder(wildcards), wildcards["camera"])
    },
    settings=_settings,
    modules=generators.modules,
    packages=lambda params, wildcards: (*TORCH, *LPIPS),
    resources="evaluate",
)
