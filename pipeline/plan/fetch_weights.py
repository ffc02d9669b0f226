"""Kind `fetch_weights`: a pretrained file of others, checked by its hash."""

from pipeline.plan import weights
from pipeline.plan.kind import Kind, Wildcards


def _settings(params: dict, wildcards: Wildcards) -> dict:
    """The expected digest; addresses are no part of a result, so the job looks them up."""
    return {name: weights.by_file(wildcards["file"])[name] for name in ("file", "sha256_prefix")}


KIND = Kind(
    wildcards=("file",),
    outputs=lambda params, wildcards: {"file": f"data/weights/{wildcards['file']}"},
    settings=_settings,
    resources={"runtime": 60, "mem_mb": 1000, "cpus_per_task": 1, "downloads": 1},
    options=lambda params, wildcards: {"fetch": params["fetch"]},
)
