"""Scenarios: a change to a finished, published clone, and exactly the jobs that must run then."""

from dataclasses import dataclass

from tests.long.changes import (
    ADAPT,
    CIRCLE,
    GENERATOR,
    Change,
    code,
    copy_of_a_run,
    edit,
    elsewhere,
    flip,
    linked,
    locked,
    methods_of_table,
    new_method,
    nothing,
    older_format,
    other_line_ends,
    remove,
    remove_method,
    reorder,
    say_otherwise,
    setting,
    several,
    shell_line,
    swap_files,
    swap_values,
    touch_all,
)
from tests.long.jobs import (
    ADAPTED,
    CIRCLED,
    COMPUTED,
    CROPS,
    EVALUATED,
    EVERYTHING,
    NOTHING,
    PACKED,
    TABLES,
    TRAINED,
    crops,
    evaluate,
    run,
    train,
)
from tests.workflow.workspace import CROSS, REPORT, TABLE


@dataclass(frozen=True)
class Scenario:
    """A change, and the jobs that it asks for (short names of tests.long.jobs, or a job in full).

    `pulled`: targets of `dvc pull` before the change; () everything, None nothing. `strict`: file times matter here, so
    Snakemake may not compare small files by content. `run`: the jobs are really run, then nothing may be left to do.
    """

    name: str
    change: Change
    jobs: frozenset[str]
    pulled: tuple[str, ...] | None = ()
    strict: bool = False
    run: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """A report lies with DVC: without it here, asking for it would mean to make it."""
        return (TABLE, CROSS) if self.pulled is None else (TABLE, CROSS, REPORT)


BICUBIC = "results/runs/simcam_x4/bicubic"
DADA, SMALL = "methods.dada.stages", "editions.small"
LOSS, RATE = f"{DADA}.adapt.loss.code", f"{DADA}.adapt.schedule.small.lr"
SECOND_PAIR = {train("S", "dada", "circle"), train("SP", "dada", "adapt"), evaluate("SP", "dada", "adapt", "P")}
SECOND_PAIR |= {"evaluate_untrained: results/runs/simcam_x4/bicubic/metrics_panasonic.json"}
SECOND_PAIR |= {"samples_untrained: results/runs/simcam_x4/bicubic/samples_panasonic.safetensors"}
SECOND_PAIR |= {crops("SP", "dada", "adapt", "P"), *(crops(camera, "source_only", "train", "P") for camera in "PS")}
SECOND_SEED = {train("P", "source_only", "train", 1), train("S", "source_only", "train", 1)}
SECOND_SEED |= {train("P", "dada", "circle", 1), train("PS", "dada", "adapt", 1)}
SECOND_SEED |= {evaluate(camera, "source_only", "train", "S", 1) for camera in "PS"}
SECOND_SEED |= {evaluate("PS", "dada", "adapt", "S", 1)}
HR_FILE = '"source_hr": (source, "train", "hr")'
SWAPPED_ROLES = (
    "return {role: roles[role] for role in reads}",
    'swap = {"source_lr": "source_hr", "source_hr": "source_lr"}\n'
    "    return {role: roles[swap.get(role, role)] for role in reads}",
)
UP = {train("P", "dada", "up")}
COPIED = {train("P", "copied", "train"), evaluate("P", "copied", "train", "S"), crops("P", "copied", "train", "S")}
SONY_PACKED = EVERYTHING - {"pack P", "source_only P", "circle P", "source_only P on P"}
PAGES = frozenset({"table", "report"})
OTHER, PAGE = frozenset({"crossdevice", "report"}), frozenset({"report"})
MEASURED_AGAIN = ADAPTED - {"adapt P→S", "crops of dada P→S"}
BOTH_WAYS = [["panasonic", "sony"], ["sony", "panasonic"]]
# The report shows samples of every method.
BASE_NEEDS = (PACKED, CIRCLE, run("P", "source_only", "train"), run("S", "source_only", "train"), BICUBIC, REPORT)

FRESH = [
    Scenario("clone and pull", nothing, NOTHING),
    Scenario("clone, nothing pulled", nothing, NOTHING, pulled=None),
    Scenario("clone, only the report pulled", nothing, NOTHING, pulled=(REPORT,)),
    Scenario("clone, one generator pulled", nothing, NOTHING, pulled=(f"{ADAPT}/{GENERATOR}", REPORT)),
    Scenario("all files touched, random order", touch_all, NOTHING, strict=True),
    Scenario("links to DVC's cache: hardlink", linked("hardlink"), NOTHING, strict=True),
    Scenario("links to DVC's cache: symlink", linked("symlink"), NOTHING, strict=True),
    Scenario(
        "links to DVC's cache: there, touched, and back",
        several(linked("hardlink"), linked("symlink"), touch_all, linked("copy")),
        NOTHING,
        strict=True,
    ),
    Scenario(
        "results and data on another disk, linked", elsewhere("results/runs", "data/packed"), NOTHING, strict=True
    ),
    Scenario("line ends as Windows has them", other_line_ends, NOTHING),
    Scenario("a copy of a run's folder beside it", copy_of_a_run, NOTHING),
]
# Together in one clone: what changes nothing cannot hide that something else did.
HARMLESS = [
    Scenario("settings on which nothing rests", several(
        setting(f"{DADA}.adapt.loss.paper.adversarial_weight", 1),  # a preset that is not chosen
        setting("editions.lab.training.log_every", 7),
        setting(f"{DADA}.up.schedule.small.lr", 1),  # a stage that nothing starts from
        setting(f"{DADA}.adapt.reads", ["target_lr", "source_hr", "source_lr"]),
        setting(f"{SMALL}.training", {"log_every": 3, "state_minutes": 7}),
        setting(f"{SMALL}.resources.train", {"runtime": 1, "mem_mb": 9000, "cpus_per_task": 2, "gpu": 0}),
        setting(f"{SMALL}.resources.evaluate.mem_mb", 1),
        setting("adopt.drealsr", "/somewhere/else"),
        setting("adopt.weights", "/elsewhere"),
        setting("fetch.retries", 1),
        setting("fetch.mirror", "/elsewhere"),
        setting("tracking.uri", "http://server:5000")), NOTHING),
    Scenario("a seed more, and back", several(
        setting("tables.dada_simcam.seeds", [0, 1]), setting("tables.dada_simcam.seeds", [0])), NOTHING),
    Scenario("order of all keys", reorder, NOTHING),
    Scenario("comments, layout, docstrings everywhere", say_otherwise, NOTHING),
    Scenario("code and packages on which nothing rests", several(
        lambda clone: (clone.folder / "pipeline/methods/mine.py").write_text("not Python"),
        *map(code, ("audit/read.py", "publish.py", "plan/runs.py", "workflow/sync.py", "tracking/ingest.py")),
        shell_line("fetch_weights"), shell_line("track"),
        *map(locked, ("pytest", "dvc", "scikit-image", "scikit-learn")),
        lambda clone: [path.unlink() for path in (clone.folder / "results").rglob("*.log")]), NOTHING),
]  # fmt: skip
SETTINGS = [
    Scenario("one rate, before the first run", setting(RATE, 4e-4), ADAPTED),
    Scenario("the same rate, nothing pulled", setting(RATE, 4e-4), EVERYTHING - CROPS - {"report"}, None),
    Scenario("the same rate, what it needs pulled", setting(RATE, 4e-4), ADAPTED, BASE_NEEDS),
    Scenario("steps of an earlier stage", setting(f"{DADA}.circle.schedule.small.steps", 5), CIRCLED),
    Scenario("two values of a block swapped", swap_values(LOSS, "perceptual_weight", "adversarial_weight"), ADAPTED),
    Scenario("rate and decay swapped", swap_values(f"{DADA}.adapt.schedule.small", "lr", "gamma"), ADAPTED),
    Scenario("another preset", setting("methods.dada.preset", "paper"), ADAPTED),
    Scenario("where a stage starts from", setting(f"{DADA}.circle.starts.generator", "dada/up"), CIRCLED | UP),
    Scenario("where one network of two starts from", setting(f"{DADA}.adapt.starts.generator", "source_only/train"), ADAPTED),
    Scenario("one more seed", setting("tables.dada_simcam.seeds", [0, 1]), PAGES | SECOND_SEED),
    Scenario("one more pair", setting("tables.dada_simcam.pairs", BOTH_WAYS), PAGES | SECOND_PAIR),
    Scenario("a recipe of a camera", setting("datasets.simcam.cameras.sony.recipes.4.sharpen", 0.4), SONY_PACKED),
    Scenario("a name that is printed", setting("datasets.simcam.cameras.sony.label", "Sony A"), TABLES),
    Scenario("how images are cut for evaluation", setting(f"{SMALL}.evaluate.tile", 96), EVALUATED | CROPS),
    Scenario("a crop moved", setting("datasets.simcam.crops.china", [0, 0, 96, 96]), CROPS | PAGE),
    Scenario("how many samples intervals rest on", setting(f"{SMALL}.evaluate.bootstrap.samples", 99), TABLES),
    Scenario("number of threads", setting(f"{SMALL}.compute.threads", 2), COMPUTED),
    Scenario("an edition's network", setting(f"{SMALL}.networks.generator.mid", 1), TRAINED),
    Scenario("digits of a metric, nothing pulled", setting("metrics.psnr_y.digits", 3), TABLES - {"report"}, None, run=True),
    Scenario("a footnote", setting("tables.dada_simcam.notes", ["Said otherwise."]), PAGES, run=True),
    Scenario("a footnote of the other table", setting("tables.dada_simcam_crossdevice.notes", []), OTHER),
    Scenario("title of the report", setting("reports.dada_simcam.title", "Another"), PAGE, run=True),
]  # fmt: skip
METHODS = [
    Scenario("a new method: file, block, name", new_method, PAGES | COPIED, run=True),
    Scenario("a method taken out of the table", methods_of_table("bicubic", "source_only", "dada"), PAGES, run=True),
    Scenario("a method taken out altogether", lambda clone: clone.change(remove_method), PAGES, run=True),
    Scenario("order of rows", methods_of_table("bicubic", "dada", "source_only", "target_only"), PAGES),
]  # fmt: skip
CODE = [
    Scenario("a method's module", code("methods/dada.py"), CIRCLED),
    Scenario("a loss that only one method uses", code("losses/adversarial.py"), CIRCLED),
    Scenario("the training loop", code("training/loop.py"), TRAINED),
    Scenario("metrics", code("evaluation/metrics.py"), EVALUATED),
    Scenario("evaluation", code("jobs/evaluate.py"), EVALUATED),
    Scenario("how crops are cut", code("jobs/samples.py"), CROPS | PAGE),
    Scenario("packing", code("jobs/pack.py"), EVERYTHING),
    Scenario("LaTeX", code("printing/latex.py"), TABLES),
    Scenario("pictures of the report", code("reports/strips.py"), PAGE),
    Scenario("what every module imports", code("errors.py"), EVERYTHING),
    Scenario("rewired: LR where HR was", edit("pipeline/plan/runs.py", HR_FILE, HR_FILE.replace("hr\")", "lr\")")), TRAINED),
    Scenario("rewired: two roles swapped, same files", edit("pipeline/plan/runs.py", *SWAPPED_ROLES), TRAINED),
    *(Scenario(f"shell line of {rules}.smk", shell_line(rules), jobs) for rules, jobs in {
        "pack": EVERYTHING, "train": TRAINED, "evaluate": EVALUATED, "samples": CROPS | PAGE, "table": TABLES,
        "report": PAGE}.items()),
]  # fmt: skip
PACKAGES = [
    Scenario("torch upgraded", locked("torch"), COMPUTED),
    Scenario("a package that torch needs", locked("sympy"), COMPUTED),
    Scenario("pillow upgraded", locked("pillow"), EVERYTHING),
    Scenario("matplotlib upgraded", locked("matplotlib"), PAGE),
]
FILES = [
    Scenario("the table edited", edit(TABLE, "Bicubic", "Bicubic!", True), PAGES, run=True),
    Scenario("the table's HTML edited", edit(TABLE.replace(".tex", ".html"), "Bicubic", "Bicubic!", True), PAGES),
    Scenario("one metric edited", edit(f"{ADAPT}/metrics_sony.json", "1", "2", True), MEASURED_AGAIN, run=True),
    Scenario("one generator altered", flip(f"{ADAPT}/{GENERATOR}"), ADAPTED),
    Scenario("two generators swapped", swap_files(*(f"{run(c, 'source_only', 'train')}/{GENERATOR}" for c in "PS")), TRAINED),
    Scenario("a history edited", edit(f"{CIRCLE}/history.jsonl", "1", "2", True), CIRCLED),
    Scenario("packed test images replaced", flip(f"{PACKED}/sony/test_lr.safetensors"), SONY_PACKED),
    Scenario("a row of a manifest edited", edit("results/manifests/simcam_x4/sony.csv", "chelsea", "chelsae", True), SONY_PACKED),
    Scenario("a reported number replaced", edit("data/reported/dada.yaml", "1", "2", True), PAGES),
    Scenario("a receipt deleted", remove(f"{ADAPT}/{GENERATOR}.receipt.json"), ADAPTED),
    Scenario("a receipt deleted, nothing pulled", remove(f"{TABLE}.receipt.json"), frozenset({"table"}), None, run=True),
    Scenario("a word of a receipt changed", edit(f"{CIRCLE}/{GENERATOR}.receipt.json", '"host": "', '"host": "not '), CIRCLED),
    Scenario("receipts of an older format", several(older_format(f"{ADAPT}/metrics_sony.json"), older_format(TABLE)),
        MEASURED_AGAIN, run=True),
    Scenario("a page deleted", remove(REPORT), PAGE),
]  # fmt: skip
SCENARIOS = [*FRESH, *HARMLESS, *SETTINGS, *METHODS, *CODE, *PACKAGES, *FILES]
