"""The key of a job: everything that its result rests on. Equal keys and equal inputs promise equal outputs."""

import importlib
from functools import cache
from pathlib import Path

from pipeline.errors import UserError
from pipeline.plan.kind import Kind
from pipeline.provenance import environment, fingerprint, shell_lines

JOBS = Path(__file__).resolve().parents[1] / "jobs"


@cache
def kinds() -> tuple[str, ...]:
    """Names of all kinds of jobs: the modules of pipeline/jobs/."""
    return tuple(sorted(path.stem for path in JOBS.glob("[a-z]*.py")))


@cache
def kind(name: str) -> Kind:
    """What pipeline/plan/<name>.py says of a kind; UserError for a name without pipeline/jobs/<name>.py."""
    if name not in kinds():
        raise UserError(f"'{name}' is no kind of job; kinds are {', '.join(kinds())}.")
    return importlib.import_module(f"pipeline.plan.{name}").KIND


def key(params: dict, name: str, wildcards: dict) -> dict:
    """The key of the job of kind `name` at these wildcards; UserError for an unknown kind and for settings it refuses."""
    own = kind(name)
    wildcards = {wildcard: str(value) for wildcard, value in wildcards.items()}
    modules = sorted({f"pipeline.jobs.{name}", *own.modules(params, wildcards)})
    packages = list(own.packages(params, wildcards))
    # Where several files play one role, the settings say what each of them is.
    inputs = {role: path for role, path in own.inputs(params, wildcards).items() if isinstance(path, str)}
    return {
        "kind": name,
        "wildcards": wildcards,
        "settings": own.settings(params, wildcards),
        "files": {"inputs": inputs, "outputs": own.outputs(params, wildcards)},
        "code": {"modules": modules, "sha256": fingerprint.code(*modules)},
        "packages": {"names": packages, "sha256": environment.packages_hash(environment.LOCK, packages)}
        if packages
        else None,
        "shell": shell_lines.digest(f"{name}.smk"),
    }
