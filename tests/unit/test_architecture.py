"""Every module lies in a room, imports go one way, and jobs that run on a bare node import no workflow tool."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.plan import keys, params
from tests import rooms

ROOT = Path(__file__).resolve().parents[2]
MODULES = rooms.graph(ROOT)
WORKFLOW_TOOLS = {"snakemake", "dvc", "mlflow"}
# The only modules that read settings files.
DOORS = {"pipeline.plan.params", "pipeline.plan.settings_files"}
PARAMS = params.load(ROOT / "params.yaml", ROOT / params.SCHEMA)
# Wildcards whose values decide which files a job writes.
FIXED = {"train": {"method": "source_only", "stage": "train"}, "figure": {"form": "svg"}}
OPENING = {"open", "read_text", "read_bytes", "load", "safe_load", "Path"}
LIGHT = ["audit", "plan.keys", "plan.params", "jobs.table", "jobs.report", "jobs.figure", "jobs.claims", "__main__"]


def test_every_module_lies_in_a_room():
    assert len(MODULES) > 150 and rooms.strangers(MODULES) == []


def test_every_room_is_there():
    assert {room for room in rooms.FLOOR_OF} == {rooms.room_of(module) for module in MODULES} - {""}


def test_imports_go_one_way():
    assert rooms.arrows_back(MODULES) == []


def test_no_imports_go_in_circles():
    assert rooms.circle(MODULES) == []


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        ("pipeline/attic.py", "", "pipeline.attic"),
        ("pipeline/attic/chest.py", "", "pipeline.attic.chest"),
        ("pipeline/files.py", "from pipeline.jobs import train", "pipeline.files imports pipeline.jobs.train"),
        (
            "pipeline/models/net.py",
            "def f():\n    import pipeline.losses.l1",
            "pipeline.models.net imports pipeline.losses.l1",
        ),
        ("pipeline/losses/l1.py", "from pipeline.losses.l2 import a", "pipeline.losses.l1 pipeline.losses.l2"),
    ],
)
def test_what_breaks_the_order_is_seen(tmp_path, path, text, what):
    start = {
        "jobs/train.py": "",
        "jobs/__init__.py": "",
        "losses/l1.py": "",
        "losses/l2.py": "import pipeline.losses.l1",
    }
    for name, content in {**{f"pipeline/{name}": content for name, content in start.items()}, path: text}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    modules = rooms.graph(tmp_path)
    found = [*rooms.strangers(modules), *rooms.arrows_back(modules), " ".join(rooms.circle(modules)[:2])]
    assert [one for one in found if one] == [what]


def test_a_kind_of_job_has_a_rule_a_job_and_a_plan():
    for kind in keys.kinds():
        assert keys.kind(kind) and (ROOT / f"rules/{kind}.smk").is_file()
    others = {path.stem for path in (ROOT / "rules").glob("*.smk")} - set(keys.kinds())
    # Settings, and two rules that run commands of the user and leave no receipt.
    assert others == {"common", "fetch", "track"}


def test_no_method_imports_a_method():
    methods = {name: others for name, others in MODULES.items() if rooms.room_of(name) == "methods"}
    assert len(methods) > 5
    for name, others in methods.items():
        found = {other for other in others if other.startswith("pipeline.methods.")} - {"pipeline.methods.base"}
        assert not found, f"{name} imports {found}"


def test_nobody_else_opens_settings_files():
    for path in (ROOT / "pipeline").rglob("*.py"):
        if rooms.module_name(path, ROOT) not in DOORS:
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            opening = [call for call in calls if getattr(call.func, "id", getattr(call.func, "attr", "")) in OPENING]
            words = {word.value for call in opening for word in ast.walk(call) if isinstance(word, ast.Constant)}
            opened = [word for word in words if isinstance(word, str) and word.endswith(("params.yaml", "site.yaml"))]
            assert not opened, f"{path} opens {opened}"


def loaded_by(module: str) -> set[str]:
    code = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", [*(f"jobs.{kind}" for kind in keys.kinds()), "upscale"])
def test_jobs_stand_alone(module):
    assert not loaded_by(f"pipeline.{module}") & WORKFLOW_TOOLS


@pytest.mark.parametrize("module", [*LIGHT, *(f"figures.{kind}" for kind in ("comparison", "difference", "kernels"))])
def test_light_modules_do_not_import_torch(module):
    assert "torch" not in loaded_by(f"pipeline.{module}")


@pytest.mark.parametrize("kind", keys.kinds())
def test_a_rule_says_what_it_reads_and_writes(kind):
    """Every name of an output that the plan knows stands in the heading of the rule's file."""
    heading = (ROOT / f"rules/{kind}.smk").read_text().split('"""')[1]
    reads, _, writes = heading.partition("\nReads:")[2].partition("\nWrites:")
    assert reads.strip() and writes.strip(), f"rules/{kind}.smk: expected lines 'Reads:' and 'Writes:'"
    wildcards = {name: f"{{{name}}}" for name in keys.kind(kind).wildcards} | FIXED.get(kind, {})
    networks = {
        name
        for block in PARAMS["methods"].values()
        for one in block.get("stages", {}).values()
        for name in one["produces"]
    }
    for name in keys.kind(kind).outputs(PARAMS, wildcards).keys() - networks:
        assert all(word in writes for word in name.split("_")), f"rules/{kind}.smk: 'Writes:' has no {name}"
