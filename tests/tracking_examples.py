"""Run folders as jobs leave them, for the tests of tracking."""

import json
from hashlib import md5, sha256
from pathlib import Path

from pipeline.provenance.job import seal

ADAPT = Path("results/runs/simcam_x4/real/sony-olympus/dada/adapt/seed0")


def write_receipt(first: Path, kind: str, settings: dict, outputs: dict[str, str]) -> Path:
    """The receipt of a job that wrote `outputs` (file name -> content), the small ones to the disk as well."""
    first.parent.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, content in outputs.items():
        path, data = first.with_name(name), content.encode()
        if path.suffix in (".json", ".jsonl"):
            path.write_bytes(data)
        entries[path.as_posix()] = {"sha256": sha256(data).hexdigest(), "md5": md5(data).hexdigest(), "size": len(data)}
    key = {"kind": kind, "wildcards": {"dataset": "simcam", "scale": "4"}, "settings": settings}
    key |= {"code": {"modules": [], "sha256": "c"}, "packages": None}
    run = {"commit": "abc123", "dirty": False, "host": "box", "started": "2026-11-20T18:00:00+00:00", "seconds": 12.5}
    return write_sealed(Path(f"{first}.receipt.json"), {"key": key, "inputs": {}, "outputs": entries, "run": run})


def write_sealed(path: Path, content: dict) -> Path:
    """A receipt as a job writes it: sealed last."""
    path.write_text(json.dumps(content | {"seal": seal(content)}))
    return path


def write_evaluation(folder: Path, camera: str, psnr: float) -> Path:
    """An evaluation on one camera; its receipt."""
    metrics = json.dumps({"camera": camera, "mean": {"psnr_y": psnr, "lpips_alex": None}})
    name = f"metrics_{camera}.json"
    return write_receipt(folder / name, "evaluate", {"shave": 4}, {name: metrics})


def write_training(steps: int, learning_rate: float = 1.0e-4, folder: Path = ADAPT, terms: int = 2) -> Path:
    """A training with `terms` values in each of `steps` lines of its history; its receipt."""
    names = ["loss/cycle", *(f"l{number}" for number in range(1, terms))]
    lines = [json.dumps({"step": step} | {name: 1 / (step + 1) for name in names}) for step in range(steps)]
    settings = {"schedule": {"steps": steps, "lr": learning_rate}, "weights": [], "note": "x" * 7000}
    settings["many"] = {f"value{number}": number for number in range(150)}
    outputs = {"generator.safetensors": f"w{steps}{learning_rate}", "a.safetensors": "a"}
    outputs["history.jsonl"] = "".join(f"{line}\n" for line in lines)
    return write_receipt(folder / "generator.safetensors", "train", settings, outputs)


def write_seeds(number: int, steps: int, terms: int = 2) -> list[Path]:
    """So many trainings, equal but for their seed; their receipts."""
    return [write_training(steps, folder=ADAPT.with_name(f"seed{seed}"), terms=terms) for seed in range(number)]
