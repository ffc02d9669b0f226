"""Kind `sr_kernel`: the kernel between what a generator makes of a camera's LR, and that LR."""

from pipeline.plan import figure, generators, paths
from pipeline.plan.kind import TORCH, Kind, Wildcards


def _settings(params: dict, wildcards: Wildcards) -> dict:
    estimation = figure.estimation(params, wildcards["scale"])
    return {"enlarge": generators.enlarging(params, wildcards), "estimation": estimation}


KIND = Kind(
    wildcards=generators.WILDCARDS,
    inputs=generators.inputs,
    outputs=lambda params, wildcards: {"kernel": paths.kernel_file(generators.folder(wildcards), wildcards["camera"])},
    settings=_settings,
    modules=generators.modules,
    packages=lambda params, wildcards: TORCH,
    resources="evaluate",
)
