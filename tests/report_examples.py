"""A complete report job: tables made by their own job, packed test images, samples and histories as training leaves them."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.jobs.table import work as make_table
from pipeline.provenance.job import Job
from pipeline.sampling.packed import write_images
from tests import table_examples

SHOWN = ("bicubic", "source_only", "dada", "target_only")
# How much of the detail that bicubic lacks each method brings back.
DETAIL = {"bicubic": 0.0, "source_only": 0.35, "dada": 0.55, "target_only": 0.8}


def report(folder: Path, photographs: dict[str, np.ndarray], crop: int, settings: tuple[str, ...] = ("real",)) -> Job:
    """`photographs`: uint8 (H, W, 3), sizes multiples of 4, named as the images of the metrics files."""
    table = table_examples.comparison(
        folder, simulated=True, settings=settings, seeds=(0,), lpips=False, run=table_examples.SIMULATED
    )
    cross = table_examples.crossdevice(folder / "cross")
    for job in (table, cross):
        make_table(job)
    reduced = {name: resized(image, 1 / 4) for name, image in photographs.items()}
    blurred = {name: resized(image, 4) for name, image in reduced.items()}
    crops = {}
    for name, image in photographs.items():
        top, left = ((size - crop) // 8 * 4 for size in image.shape[:2])
        crops[name] = [top, left, crop, crop]
    tests, shown = [], []
    for camera in table_examples.CAMERAS:
        lr, hr = (folder / "packed" / camera / f"test_{kind}.safetensors" for kind in ("lr", "hr"))
        write_images(lr, reduced)
        write_images(hr, photographs)
        tests.append({"camera": camera, "lr": str(lr), "hr": str(hr)})
    for cell in table.settings["cells"]:
        if cell["setting"] != "real" or cell["method"] not in SHOWN:
            continue
        path = Path(cell["metrics"]).with_name(f"samples_{cell['target']}.safetensors")
        write_images(
            path, {f"sr/{name}": piece(photographs[name], blurred[name], crops[name], cell["method"]) for name in crops}
        )
        place = {key: cell[key] for key in ("method", "source", "target", "metrics")}
        shown.append({**place, "samples": str(path)})
    histories = [*run_histories(folder, "Source Only", list(table_examples.CAMERAS.values()))]
    histories += run_histories(folder, "DADA, adapt", [pair["label"] for pair in table.settings["pairs"]])
    return Job(
        "report",
        {"report": "dada_simcam"},
        {
            "title": "DADA on three simulated cameras",
            "table": "dada_simcam",
            "scale": 4,
            "simulated": True,
            "cameras": table.settings["cameras"],
            "pairs": table.settings["pairs"],
            "setting": "real",
            "settings": list(settings),
            "setting_labels": table.settings["setting_labels"],
            "gain": table.settings["gain"],
            "metric": table_examples.METRICS[0],
            "level": 0.95,
            "methods": [{"name": name, "label": table_examples.LABELS[name]} for name in SHOWN],
            "crops": crops,
            "shown": shown,
            "tests": tests,
            "histories": histories,
            "notes": ["Edition small: 400 steps of Source Only, 200 of each DADA stage."],
            "credits": ["china, flower: Daniel Buechele and vultilion, CC BY 2.0 (flickr), from scikit-learn."],
        },
        {
            "table_html": [table.outputs["html"]],
            "crossdevice_html": [cross.outputs["html"]],
            "csv": [table.outputs["csv"]],
            "samples": unique(entry["samples"] for entry in shown),
            "metrics": unique(entry["metrics"] for entry in shown),
            "test_lr": [Path(test["lr"]) for test in tests],
            "test_hr": [Path(test["hr"]) for test in tests],
            "history": [Path(entry["path"]) for entry in histories],
        },
        {"html": folder / "report.html"},
        {},
        "0" * 64,
    )


def piece(image: np.ndarray, blurred: np.ndarray, box: list[int], method: str) -> np.ndarray:
    """The crop of a picture between its blurred form and itself."""
    top, left, height, width = box
    parts = (whole[top : top + height, left : left + width].astype(float) for whole in (image, blurred))
    sharp, soft = parts
    return np.clip(soft + DETAIL[method] * (sharp - soft) + 0.5, 0, 255).astype(np.uint8)


def resized(image: np.ndarray, factor: float) -> np.ndarray:
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def run_histories(folder: Path, stage: str, labels: list[str]) -> list[dict]:
    """One history per label: falling losses, and for adaptation a discriminator that hovers."""
    entries = []
    for number, label in enumerate(labels):
        noise = np.random.default_rng(number)
        path = folder / "histories" / stage.replace(" ", "_") / f"{number}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = []
        for step in range(10, 410, 10):
            line = {"step": step, "content": float(0.2 * np.exp(-step / 80) + 0.02 + noise.uniform(0, 0.006))}
            if "adapt" in stage:
                line |= {
                    "pseudo_label": float(0.01 + 0.02 * np.exp(-step / 150) + noise.uniform(0, 0.003)),
                    "reconstruction": float(0.05 * np.exp(-step / 60) + 0.004 + noise.uniform(0, 0.001)),
                    "generator_inter_source": float(0.7 + noise.normal(0, 0.04)),
                    "discriminator_inter_source": float(0.69 + noise.normal(0, 0.02) - step / 4000),
                }
            lines.append(json.dumps(line))
        path.write_text("\n".join(lines) + "\n")
        entries.append({"stage": stage, "label": label, "path": str(path)})
    return entries


def unique(paths) -> list[Path]:
    return [Path(path) for path in dict.fromkeys(paths)]
