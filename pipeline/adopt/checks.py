"""What is known of adopted copies before a job starts: where jobs read, and what speaks against it."""

from collections.abc import Collection
from pathlib import Path

from pipeline.adopt import archives, record
from pipeline.adopt.verdict import BREAKING, FAULTS
from pipeline.datasets import benchmark, df2k

# Groups of a report are cameras; of sets without cameras they are kinds of images, of which jobs read these.
KINDS = {**dict.fromkeys(benchmark.SETS, ("HR", "SelfExSR")), **dict.fromkeys(df2k.SOURCES, ("HR", "bicubic"))}


def place(name: str, folder: str | None) -> str | None:
    """The folder that jobs read: the user's, or data/raw/NAME where that was unpacked from it."""
    return str(archives.RAW / name) if folder and archives.made_from(name, folder) else folder


def scale_read(block: dict, scale: int) -> int | None:
    """The scale whose files of a copy are read for `scale`; None: HR that serve every scale, and nothing else."""
    if block.get("train", {}).get("lr") == "bicubic":
        return None
    return block.get("test", {}).get("srf") or scale


def problem(name: str, folder: str | None, scale: int | None, cameras: Collection[str] | None) -> str | None:
    """What the last report of this folder says against these cameras (None: all) at a scale; None when nothing.

    A copy of which there is no report is not refused: its files are checked when they are packed.
    """
    found = record.last(name)
    if found is None or folder is None or found["folder"] != str(Path(folder)):
        return None
    broken = [part for part in found["parts"] if part["state"] == "broken" and _read(name, part, scale, cameras)]
    if not broken:
        return None
    told = "; ".join(_told(part) for part in broken[:3]) + (f"; and {len(broken) - 3} more parts" if broken[3:] else "")
    out = f", leave cameras out with `datasets.{name}.available`," if cameras and name not in KINDS else ""
    return (
        f"{folder}: cannot be used as it is: {told}. All names: {record.path_of(name)}. Repair the copy{out} and run "
        f"`python -m pipeline.adopt {name}` again."
    )


def _read(name: str, part: dict, scale: int | None, cameras: Collection[str] | None) -> bool:
    """Whether jobs read what is broken of a part."""
    if part["scale"] not in (scale, None):
        return False
    if name in benchmark.SETS and part["faults"].keys() & BREAKING.keys() == {"no_lr"}:
        return False
    if name in KINDS:
        return part["group"] in KINDS[name]
    return cameras is None or part["group"].lower() in cameras


def _told(part: dict) -> str:
    where = " ".join(filter(None, (part["group"], part["scale"] and f"x{part['scale']}", part["split"])))
    return f"{where}: " + ", ".join(f"{len(names)} {FAULTS[fault]}" for fault, names in part["faults"].items())
