"""What packing is worth: `python -m bench.data 4000`, or `--full` for DRealSR's 30,502 training pairs.

Writes pairs of PNGs as DRealSR has them (HR 192 x 192, LR 48 x 48; textures with noise, so that they take the room of
photographs; 1,500 pictures, copied under as many names as asked for), packs them by the rule `pack`, and draws the same
training batches from the PNGs and from the packed files, once with nothing of them in memory and once again (one epoch,
500 batches at most). Every batch is compared; whatever is measured is of this one run.
"""

import argparse
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from pipeline.datasets.deadleaves import scene
from pipeline.files import read_json
from pipeline.images.rgb import bicubic, image_size, read_rgb
from pipeline.plan import paths
from pipeline.sampling.packed import Packed
from pipeline.sampling.patches import PatchSampler
from tests.workflow.workspace import Workspace

FULL, DISTINCT, SCALE, SIDE, BATCH, MOST = 30_502, 1500, 4, 192, 16, 500
# The magnification in the names of files.
KINDS = {"HR": SCALE, "LR": 1}
DATASET, CAMERA = "bench", "panasonic"
SCENE = {"size": 1024, "smallest": 1.0, "largest": 200.0, "layers": 3.0}
MANIFEST = paths.manifest_file(DATASET, SCALE, CAMERA)


class Pngs:
    """What `PatchSampler` asks of a packed file, answered by decoding one PNG per image."""

    def __init__(self, names: list[str], files: dict[str, Path]):
        self.names, self.files = names, files

    def __len__(self) -> int:
        return len(self.names)

    def sizes(self) -> list[tuple[int, int]]:
        return [image_size(self.files[self.names[0]])] * len(self)

    def view(self, index: int) -> np.ndarray:
        return read_rgb(self.files[self.names[index]])


class Reading(NamedTuple):
    """Seconds and CPU seconds of all batches, MiB of own memory and of mapped files at the end, hash per batch."""

    wall: float
    cpu: float
    own: float
    mapped: float
    hashes: list[str]


def write_pngs(folder: Path, count: int) -> None:
    """Training pairs in DRealSR's layout and names, and one test pair; random places of a few scenes, each with noise."""
    random = np.random.default_rng(0)
    scenes = []
    for number in range(6):
        noisy = scene([7, number], **SCENE) + random.normal(0, 2, (SCENE["size"], SCENE["size"], 1))
        hr = np.clip(noisy, 0, 255).astype(np.uint8)
        scenes.append({"HR": hr, "LR": bicubic(hr, 1 / SCALE)})
    for part, total, side in (("train", count, SIDE), ("test", 1, 4 * SIDE)):
        for kind in KINDS:
            (folder / f"x{SCALE}" / f"{part}_{kind}").mkdir(parents=True)
        for number in tqdm(range(total), desc=f"write {part}", unit="pair"):
            top, left = random.integers(0, (SCENE["size"] - side) // SCALE, 2)
            for kind, times in KINDS.items():
                path = _png(folder, part, kind, number)
                if number >= DISTINCT:
                    shutil.copyfile(_png(folder, part, kind, number % DISTINCT), path)
                    continue
                rows, columns = (slice(times * start, times * (start + side // SCALE)) for start in (top, left))
                Image.fromarray(scenes[number % len(scenes)][kind][rows, columns]).save(path, compress_level=3)
    os.sync()


def _png(folder: Path, part: str, kind: str, number: int) -> Path:
    patch = f"_{number % 40}" if part == "train" else ""
    return folder / f"x{SCALE}" / f"{part}_{kind}" / f"{CAMERA}_{number // 40}_x{KINDS[kind]}{patch}.png"


def forget(files: Iterable[Path]) -> None:
    """Have the system drop what it holds of these files in memory."""
    for path in files:
        with open(path, "rb") as stream:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read(what: str, pngs: dict[str, Pngs] | None, packed: dict[str, str], batches: int) -> Reading:
    """Draw training batches in a process of its own, from PNGs where there are any, else from the packed files."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_read, what, pngs, packed, batches).result()


def _read(what: str, pngs: dict[str, Pngs] | None, packed: dict[str, str], batches: int) -> Reading:
    torch.set_num_threads(1)
    sampler = PatchSampler(packed, SCALE, SIDE // SCALE, BATCH, seed=0)
    if pngs:
        sampler.packed = pngs
    before, wall, cpu, hashes = _memory(), 0.0, 0.0, []
    for step in tqdm(range(batches), desc=what, unit="batch"):
        began = time.perf_counter(), time.process_time()
        batch = sampler(step)
        wall, cpu = wall + time.perf_counter() - began[0], cpu + time.process_time() - began[1]
        digest = hashlib.sha256(repr(batch.names).encode())
        for pixels in (batch.source_lr, batch.source_hr):
            digest.update(pixels.numpy().tobytes())
        hashes.append(digest.hexdigest())
    own, mapped = (after - start for after, start in zip(_memory(), before, strict=True))
    return Reading(wall, cpu, own, mapped, hashes)


def _memory() -> tuple[float, float]:
    """MiB of this process: its own, and pages of files that it has mapped, which the system may drop at any time."""
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return tuple(int(lines[name].split()[0]) / 2**10 for name in ("RssAnon", "RssFile"))


def packed_file(workspace: Workspace, kind: str) -> Path:
    """Where the training images of a kind are packed."""
    return workspace.folder / paths.data_file(DATASET, SCALE, CAMERA, "train", kind)


def pack(folder: Path, raw: Path) -> Workspace:
    """A workspace where the rule `pack` has packed them, as a data set of DRealSR's module with one camera."""
    workspace = Workspace.create(folder)

    def add(settings: dict) -> None:
        cameras = {CAMERA: settings["datasets"]["drealsr"]["cameras"][CAMERA]}
        settings["datasets"][DATASET] = settings["datasets"]["drealsr"] | {"cameras": cameras, "scales": [SCALE]}
        settings["adopt"][DATASET] = str(raw)

    workspace.change(add)
    print(f"packing; progress: {folder / MANIFEST.replace('.csv', '.log')}", flush=True)
    workspace.snakemake("-c2", "--", MANIFEST)
    return workspace


def measure(workspace: Workspace, raw: Path, batches: int) -> dict[str, Reading]:
    """What -> cost of the same batches."""
    packed = {f"source_{kind}": str(packed_file(workspace, kind)) for kind in ("lr", "hr")}
    names = Packed(packed["source_hr"]).names
    pngs = {}
    for kind, times in (("lr", 1), ("hr", SCALE)):
        files = {name: raw / f"x{SCALE}/train_{kind.upper()}" / f"{_times(name, times)}.png" for name in names}
        pngs[f"source_{kind}"] = Pngs(names, files)
    found = {}
    for what, given in (("PNG", pngs), ("packed", None)):
        forget(raw.rglob("*.png") if given else map(Path, packed.values()))
        for memory in ("from disk", "from memory"):
            name = f"{what}, {memory}"
            found[name] = read(name, given, packed, batches)
    first, *others = (reading.hashes for reading in found.values())
    assert len(set(first)) == batches and all(hashes == first for hashes in others), "batches differ"
    return found


def _times(name: str, times: int) -> str:
    return name.replace(f"_x{SCALE}_", f"_x{times}_")


def told(count: int, raw: Path, workspace: Workspace, found: dict[str, Reading], batches: int) -> str:
    """The table."""
    run = read_json(workspace.folder / f"{MANIFEST}.receipt.json")["run"]
    files = [path.stat().st_size for path in raw.rglob("*.png")]
    place = packed_file(workspace, "hr").parent
    kinds = {kind: sum(path.stat().st_size for path in place.glob(f"*_{kind}.*")) for kind in ("lr", "hr", "bicubic")}
    pixels, seconds = sum(kinds.values()), run["seconds"]
    lines = [
        f"{count} pairs, HR {SIDE} x {SIDE}, LR {SIDE // SCALE} x {SIDE // SCALE}",
        f"  PNG      {len(files):6} files {sum(files) / 1e6:8.0f} MB",
        f"  packed        9 files {pixels / 1e6:8.0f} MB ({', '.join(f'{k} {v / 1e6:.0f}' for k, v in kinds.items())})",
        f"pack: {seconds:.1f} s, {count / seconds:.0f} pairs/s, {pixels / seconds / 1e6:.0f} MB/s with bicubic LR and hashes, "
        f"peak memory {run['peak_memory_mb']:.0f} MB",
        f"{batches} batches of {BATCH}{'':12} ms/batch  CPU ms  pairs/s  memory MiB  mapped MiB  times",
    ]
    for what, reading in found.items():
        slow = found[what.replace("packed", "PNG")].wall / reading.wall
        each = 1000 / batches
        lines.append(
            f"  {what:28}{reading.wall * each:8.2f} {reading.cpu * each:7.2f} {BATCH * batches / reading.wall:8.0f} "
            f"{reading.own:11.0f} {reading.mapped:11.0f} {slow:6.1f}"
        )
    return "\n".join([*lines, "every batch: the same names, the same pixels"])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.data", description=__doc__)
    parser.add_argument("pairs", nargs="?", type=int, default=4000)
    parser.add_argument("--full", action="store_true", help=f"{FULL} pairs, as in DRealSR")
    parser.add_argument("--folder", help="where there is room: about 0.2 MB per pair")
    asked = parser.parse_args()
    count = FULL if asked.full else asked.pairs
    with tempfile.TemporaryDirectory(prefix="bench", dir=asked.folder) as folder:
        raw = Path(folder) / "DRealSR"
        write_pngs(raw, count)
        workspace = pack(Path(folder) / "repo", raw)
        batches = min(MOST, len(Packed(packed_file(workspace, "lr"))) // BATCH)
        print(told(count, raw, workspace, measure(workspace, raw, batches), batches), flush=True)


if __name__ == "__main__":
    main()
