"""Kind `fetch_weights`: a pretrained file of others, checked by its hash."""

from pipeline.plan.kind import Kind, Wildcards


def _block(params: dict, wildcards: Wildcards) -> dict:
    return next(block for block in params["weights"].values() if block["file"] == wildcards["file"])


def _settings(params: dict, wildcards: Wildcards) -> dict:
    return {name: _block(params, wildcards)[name] for name in ("file", "url", "sha256_prefix")}


KIND = Kind(
    wildcards=("file",),
    outputs=lambda params, wildcards: {"file": f"data/weights/{wildcards['file']}"},
    settings=_settings,
    resources={"runtime": 60, "mem_mb": 1000, "cpus_per_task": 1, "downloads": 1},
    options=lambda params, wildcards: {"fetch": params["fetch"]},
)
