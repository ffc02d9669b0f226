"""Kind `claims`: a paper's printed claims, asked of its own printed numbers."""

from pipeline.errors import UserError
from pipeline.plan import paths
from pipeline.plan.kind import SMALL, Kind, Wildcards


def _inputs(params: dict, wildcards: Wildcards) -> dict[str, str]:
    paper = wildcards["paper"]
    if paper not in params["papers"]:
        raise UserError(f"params.yaml: papers has no '{paper}'; it has {', '.join(params['papers'])}.")
    return {"numbers": paths.reported_file(paper), "claims": f"data/reported/claims/{paper}.yaml"}


KIND = Kind(
    wildcards=("paper",),
    inputs=_inputs,
    outputs=lambda params, wildcards: {
        form: f"results/report/claims_{wildcards['paper']}.{form}" for form in ("html", "csv")
    },
    settings=lambda params, wildcards: {"paper": wildcards["paper"]},
    packages=lambda params, wildcards: ("pyyaml",),
    resources=SMALL,
)
