"""Imports go one way, and jobs that run on a bare node import no workflow tool."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A module may import modules of its own layer and of those above it in this list.
LAYERS = [
    ["errors"],
    ["files", "exclusive", "settings", "layout", "fingerprint", "environment", "figure_files", "kernels", "unwrap"],
    [
        *(
            "reproducibility",
            "images",
            "pretrained",
            "weights",
            "job",
            "bootstrap",
            "params",
            "plan",
            "figure_plan",
            "roles",
        ),
        *("shell_lines", "receipts", "fetch"),
    ],
    ["datasets", "stages", "stages_networks", "sync", "folder_lock", "repairs"],
    ["models", "tiles"],
    ["checkpoints", "losses", "metrics"],
    ["methods", "training_state"],
    ["train", "evaluate", "pack", "pack_frames", "upscale", "enlarge", "enlarge_frames", "sr_kernel"],
    ["tables", "report", "figure", "figure_kinds", "tracking", "publish", "progress", "audit", "adopt"],
]
WORKFLOW_TOOLS = {"snakemake", "dvc", "mlflow"}


def layer_of(module: str) -> int:
    """Layer of `pipeline.<part>…`; modules that are not named belong to the last layer (tables and their helpers)."""
    part = module.split(".")[1] if "." in module else "errors"
    return next((index for index, layer in enumerate(LAYERS) if part in layer), len(LAYERS) - 1)


def imports(path: Path) -> set[str]:
    """Dotted names of our modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in names if (ROOT / (name.replace(".", "/") + ".py")).exists()} or {node.module}
    return {name for name in found if name.startswith("pipeline.")}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


MODULES = sorted((ROOT / "pipeline").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_go_one_way(path):
    own = module_name(path)
    for other in imports(path):
        assert layer_of(other) <= layer_of(own), f"{own} imports {other}, which comes later in the order of LAYERS"


def test_no_method_imports_a_method():
    files = [path for path in MODULES if path.parent.name == "methods" and path.stem not in ("__init__", "base")]
    assert files
    for path in files:
        others = {name.split(".")[-1] for name in imports(path) if name.startswith("pipeline.methods.")}
        assert others <= {"base"}, f"{path.stem} imports {others}"


def test_no_file_opens_params_but_its_door():
    for path in MODULES:
        if path.stem in ("params", "audit"):
            continue
        opened = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
            and any(isinstance(a, ast.Constant) and a.value == "params.yaml" for a in node.args)
            and getattr(node.func, "id", getattr(node.func, "attr", "")) in ("open", "read_text", "load", "Path")
        ]
        assert not opened, f"{path} opens params.yaml"


@pytest.mark.parametrize(
    "module",
    [
        "pipeline.training.loop",
        "pipeline.jobs.evaluate",
        "pipeline.jobs.pack",
        "pipeline.upscale",
        "pipeline.jobs.sr_kernel",
    ],
)
def test_jobs_stand_alone(module):
    code = f"import sys, {module}; print(*sorted({{m.split('.')[0] for m in sys.modules}} & {WORKFLOW_TOOLS!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    "module",
    [
        "pipeline.tables.records",
        "pipeline.audit",
        "pipeline.plan.keys",
        "pipeline.jobs.report",
        "pipeline.plan.params",
        "pipeline.jobs.figure",
    ]
    + [f"pipeline.figures.{path.stem}" for path in (ROOT / "pipeline/figures").glob("[a-z]*.py")],
)
def test_light_modules_do_not_import_torch(module):
    code = f"import sys, {module}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "False"
