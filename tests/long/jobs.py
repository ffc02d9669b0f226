"""Short names for the jobs of the tiny edition, so that the list of a scenario can be read: P = panasonic, S = sony."""

PACKED = "data/packed/simcam_x4"
REAL = "results/runs/simcam_x4/real"
CAMERAS = {"P": "panasonic", "S": "sony"}


def _pack(camera: str) -> str:
    return f"pack: results/manifests/simcam_x4/{CAMERAS[camera]}.csv"


def run(cameras: str, method: str, stage: str, seed: int = 0) -> str:
    """Folder of a training run."""
    return f"{REAL}/{'-'.join(CAMERAS[camera] for camera in cameras)}/{method}/{stage}/seed{seed}"


def train(cameras: str, method: str, stage: str, seed: int = 0) -> str:
    """The job that trains a run."""
    return f"train_{method}_{stage}: {run(cameras, method, stage, seed)}/generator.safetensors"


def evaluate(cameras: str, method: str, stage: str, on: str, seed: int = 0) -> str:
    """The job that evaluates a run on a camera."""
    return f"evaluate: {run(cameras, method, stage, seed)}/metrics_{CAMERAS[on]}.json"


def crops(cameras: str, method: str, stage: str, on: str) -> str:
    """The job that cuts crops out of what a run makes of a camera's images."""
    return f"samples: {run(cameras, method, stage)}/samples_{CAMERAS[on]}.safetensors"


JOBS = {
    "pack P": _pack("P"),
    "pack S": _pack("S"),
    "source_only P": train("P", "source_only", "train"),
    "source_only S": train("S", "source_only", "train"),
    "circle P": train("P", "dada", "circle"),
    "adapt P→S": train("PS", "dada", "adapt"),
    "bicubic on S": "evaluate_untrained: results/runs/simcam_x4/bicubic/metrics_sony.json",
    "source_only P on P": evaluate("P", "source_only", "train", "P"),
    "source_only P on S": evaluate("P", "source_only", "train", "S"),
    "source_only S on P": evaluate("S", "source_only", "train", "P"),
    "source_only S on S": evaluate("S", "source_only", "train", "S"),
    "dada P→S on S": evaluate("PS", "dada", "adapt", "S"),
    "crops of bicubic": "samples_untrained: results/runs/simcam_x4/bicubic/samples_sony.safetensors",
    "crops of source_only P": crops("P", "source_only", "train", "S"),
    "crops of source_only S": crops("S", "source_only", "train", "S"),
    "crops of dada P→S": crops("PS", "dada", "adapt", "S"),
    "table": "table: results/tables/dada_simcam.tex",
    "crossdevice": "table: results/tables/dada_simcam_crossdevice.tex",
    "report": "report: results/report/dada_simcam.html",
}
NAMES = {job: name for name, job in JOBS.items()}

# What a change of the thing named reruns, when everything below is asked for.
NOTHING: frozenset[str] = frozenset()
TABLES = frozenset({"table", "crossdevice", "report"})
ADAPTED = frozenset({"adapt P→S", "dada P→S on S", "crops of dada P→S", "table", "report"})
CIRCLED = ADAPTED | {"circle P"}
EVALUATED = TABLES | {name for name in JOBS if " on " in name}
CROPS = frozenset(name for name in JOBS if name.startswith("crops of"))
COMPUTED = EVALUATED | CROPS | {"source_only P", "source_only S", "circle P", "adapt P→S"}
TRAINED = COMPUTED - {"bicubic on S", "crops of bicubic"}
EVERYTHING = frozenset(JOBS)


def shown(jobs: set[str] | frozenset[str]) -> str:
    """Jobs for a table of results."""
    groups = {"everything": EVERYTHING, "everything but packing": COMPUTED, "all trainings and below": TRAINED}
    groups |= {"all evaluations and below": EVALUATED}
    for text, known in groups.items():
        if jobs == known:
            return text
    return ", ".join(name for name in [*JOBS, *sorted(jobs - JOBS.keys())] if name in jobs) or "nothing"
