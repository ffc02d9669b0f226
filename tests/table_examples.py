"""Small but complete inputs for table and report jobs: metrics files as `evaluate` writes them, settings as rules do."""

import json
from pathlib import Path

import numpy as np

from pipeline.provenance.job import Job

CAMERAS = {"panasonic": "Panasonic", "sony": "Sony", "olympus": "Olympus"}
ORDER = [("panasonic", "sony"), ("sony", "panasonic"), ("olympus", "panasonic")]
ORDER += [("panasonic", "olympus"), ("sony", "olympus"), ("olympus", "sony")]
IMAGES = ["astronaut", "chelsea", "coffee", "rocket", "china", "flower"]
LEVEL = {
    "bicubic": 0.0,
    "source_only": 0.6,
    "cincgan": 0.1,
    "dasr": 0.3,
    "drn_adapt": 0.8,
    "dada": 1.1,
    "target_only": 2.0,
}
METRICS = [
    {"name": "psnr_y", "label": "PSNR", "better": "higher", "digits": 2, "unit": "dB"},
    {"name": "ssim_rgb", "label": "SSIM", "better": "higher", "digits": 3, "unit": ""},
    {"name": "lpips_alex", "label": "LPIPS", "better": "lower", "digits": 3, "unit": ""},
]
REASON = "not measured: this edition runs without the pretrained AlexNet that LPIPS rests on"
PROTOCOL = {
    "psnr_y": "PSNR in dB of limited-range luma (65.738, 129.057, 25.064)/256, 4 border pixels left out, no rounding",
    "ssim_rgb": "SSIM of R, G, B averaged, 11x11 Gaussian (sigma 1.5), zero padding, whole image, C1 1e-4, C2 9e-4",
    "lpips_alex": "LPIPS 0.1 with AlexNet features and the linear heads of lpips 0.1.4, whole image",
}
SIMULATED = ("bicubic", "source_only", "dada", "target_only")
LABELS = {
    "bicubic": "Bicubic",
    "source_only": "Source Only",
    "cincgan": "CinCGAN",
    "dasr": "DASR",
    "drn_adapt": "DRN-Adapt",
    "dada": "DADA",
    "target_only": "Target Only",
}


def metrics(camera: str, level: float, seed: int, dataset: str, lpips: bool) -> dict:
    """A metrics file with plausible values; the same image is easy or hard for every method."""
    ease = np.random.default_rng(3).normal(0, 1.5, len(IMAGES))
    noise = np.random.default_rng([seed, int((level + 5) * 100), list(CAMERAS).index(camera)]).normal(
        0, 0.12, len(IMAGES)
    )
    psnr = 27 + ease + level + noise
    images = {}
    for name, value in zip(IMAGES, psnr, strict=True):
        images[name] = {"psnr_y": float(value), "ssim_rgb": float(1 - 0.25 * 10 ** (-(value - 27) / 20))}
        if lpips:
            images[name]["lpips_alex"] = float(0.45 - 0.012 * (value - 27))
    names = list(images[IMAGES[0]])
    columns = {metric: [image[metric] for image in images.values()] for metric in names}
    return {
        "dataset": dataset,
        "scale": 4,
        "camera": camera,
        "generator": {"name": "cdc", "scale": 4},
        "images": images,
        "mean": {metric: float(np.mean(column)) for metric, column in columns.items()},
        "missing": {} if lpips else {"lpips_alex": REASON},
        "protocol": PROTOCOL,
    }


def comparison(
    folder: Path,
    *,
    simulated: bool,
    settings: tuple[str, ...],
    seeds: tuple[int, ...],
    lpips: bool,
    run: tuple[str, ...],
) -> Job:
    """A comparison of all six pairs, its metrics files written below `folder`; `run`: methods measured here."""
    dataset = "simcam" if simulated else "drealsr"
    if simulated:
        order = ["bicubic", "source_only", "dada", "target_only"]
    else:
        order = ["target_only", "source_only", "cincgan", "dasr", "drn_adapt", "dada"]
    methods, cells = [], []
    for name in order:
        printed = ("real",) if name == "target_only" else settings
        methods.append(
            {
                "name": name,
                "label": LABELS[name],
                "trained": name != "bicubic",
                "ranked": name != "target_only",
                "run": name in run,
                "settings": list(printed),
            }
        )
        for setting in printed if name in run else ():
            for index, (source, target) in enumerate(ORDER):
                for seed in seeds if name != "bicubic" else seeds[:1]:
                    level = LEVEL[name] - (0.5 if setting == "synthetic" and name != "bicubic" else 0)
                    level += (0 if simulated else 4) - (0.15 * index if name == "dada" else 0)
                    cells.append(cell(folder, name, setting, source, target, seed, level, dataset, lpips))
    return job(
        folder,
        {
            "name": "dada_simcam" if simulated else "dada",
            "kind": "comparison",
            "title": "Cross-camera adaptation",
            "caption": f"Adaptation of ×4 super-resolution from a source to a target camera ({dataset}).",
            "dataset": dataset,
            "simulated": simulated,
            "methods": methods,
            "pairs": [{"source": s, "target": t, "label": f"{CAMERAS[s]} → {CAMERAS[t]}"} for s, t in ORDER],
            "settings": list(settings),
            "seeds": list(seeds),
            "metrics": METRICS,
            "reported": "dada",
            "gain": {"method": "dada", "over": "source_only"},
            "cells": cells,
        },
    )


def crossdevice(folder: Path, seeds: tuple[int, ...] = (0,)) -> Job:
    """Source Only of each camera on each camera; the own camera's model is the best one."""
    cells = []
    for source in CAMERAS:
        for target in CAMERAS:
            for seed in seeds:
                level = 2.0 if source == target else 0.3 + 0.4 * list(CAMERAS).index(source)
                cells.append(cell(folder, "source_only", "real", source, target, seed, level, "simcam", lpips=False))
    method = {"name": "source_only", "label": "Source Only", "trained": True, "ranked": True, "run": True}
    return job(
        folder,
        {
            "name": "crossdevice_simcam",
            "kind": "crossdevice",
            "title": "Every camera’s model on every camera",
            "caption": "Models trained on one camera (rows) tested on the images of each camera (columns).",
            "dataset": "simcam",
            "simulated": True,
            "methods": [{**method, "settings": ["real"]}],
            "pairs": [
                {"source": s, "target": t, "label": f"{CAMERAS[s]} → {CAMERAS[t]}"} for s in CAMERAS for t in CAMERAS
            ],
            "settings": ["real"],
            "seeds": list(seeds),
            "metrics": METRICS[:1],
            "reported": None,
            "gain": None,
            "cells": cells,
        },
    )


def cell(folder, method, setting, source, target, seed, level, dataset, lpips) -> dict:
    """Write one metrics file and name it as a cell."""
    path = folder / "runs" / setting / f"{source}-{target}" / method / f"seed{seed}" / f"metrics_{target}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(metrics(target, level, seed, dataset, lpips)))
    place = {"method": method, "setting": setting, "source": source, "target": target, "seed": seed}
    return {**place, "metrics": str(path)}


def job(folder: Path, settings: dict) -> Job:
    """A table job with the settings that all examples share."""
    settings = {
        "scale": 4,
        "cameras": [{"name": name, "label": label} for name, label in CAMERAS.items()],
        "setting_labels": {"real": "Real → Real", "synthetic": "Synthetic → Real"},
        "tolerance": {"psnr_y": 0.1, "ssim_rgb": 0.005, "lpips_alex": 0.01},
        "bootstrap": {"samples": 2000, "seed": 0, "level": 0.95},
        "notes": ["Checkpoint: the last step of a fixed budget (rule `last`); test photographs are never looked at."],
        **settings,
    }
    inputs = {"metrics": [Path(path) for path in dict.fromkeys(cell["metrics"] for cell in settings["cells"])]}
    if settings["reported"]:
        inputs["reported"] = [Path("data/reported") / f"{settings['reported']}.yaml"]
    outputs = {form: folder / f"{settings['name']}.{form}" for form in ("tex", "csv", "html")}
    return Job("table", {"table": settings["name"]}, settings, inputs, outputs, {}, "0" * 64)
