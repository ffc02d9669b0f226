"""Checks of adopted copies before any job starts: the folder that jobs read, and the problems that its last report lists."""

from collections.abc import Collection
from pathlib import Path

from pipeline.adopt import archives, record
from pipeline.adopt.verdict import BREAKING, FAULTS
from pipeline.datasets import benchmark, df2k

# Groups of a report are cameras; for sets without cameras they are kinds of images, and jobs read only these kinds.
KINDS = {**dict.fromkeys(benchmark.SETS, ("HR", "SelfExSR")), **dict.fromkeys(df2k.SOURCES, ("HR", "bicubic"))}


def place(name: str, folder: str | None) -> str | None:
    """The folder that jobs read: data/raw/NAME if that was unpacked from `folder`, else `folder` itself."""
    return str(archives.RAW / name) if folder and archives.unpacked_from(name, folder) else folder


def scale_read(block: dict, scale: int) -> int | None:
    """The scale whose files of a copy are read for `scale`; None if only HR for all scales is read."""
    if block.get("train", {}).get("lr") == "bicubic":
        return None
    return block.get("test", {}).get("srf") or scale


def problem(name: str, folder: str | None, scale: int | None, cameras: Collection[str] | None) -> str | None:
    """Message about broken parts in the last report of this folder that these cameras (None: all) need at a scale, else None.

    A copy without a report is not refused: its files are checked when they are packed.
    """
    report = record.last(name)
    if report is None or folder is None or report["folder"] != str(Path(folder)):
        return None
    broken = [part for part in report["parts"] if part["state"] == "broken" and _read(name, part, scale, cameras)]
    if not broken:
        return None
    faults = "; ".join(_words(part) for part in broken[:3]) + (
        f"; and {len(broken) - 3} more parts" if broken[3:] else ""
    )
    without = f", leave cameras out with `datasets.{name}.available`," if cameras and name not in KINDS else ""
    return (
        f"{folder}: cannot be used: {faults}. All names: {record.path_of(name)}. Repair the copy{without} and run "
        f"`python -m pipeline.adopt {name}` again."
    )


def _read(name: str, part: dict, scale: int | None, cameras: Collection[str] | None) -> bool:
    """Whether jobs read the broken files of a part."""
    if part["scale"] not in (scale, None):
        return False
    if name in benchmark.SETS and part["faults"].keys() & BREAKING.keys() == {"no_lr"}:
        return False
    if name in KINDS:
        return part["group"] in KINDS[name]
    return cameras is None or part["group"].lower() in cameras


def _words(part: dict) -> str:
    where = " ".join(filter(None, (part["group"], part["scale"] and f"x{part['scale']}", part["split"])))
    return f"{where}: " + ", ".join(f"{len(names)} {FAULTS[fault]}" for fault, names in part["faults"].items())
