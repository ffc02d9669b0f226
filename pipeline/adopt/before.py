"""What is known of adopted copies before a job starts: where jobs read, and what speaks against it."""

from collections.abc import Collection
from pathlib import Path

from pipeline.adopt import archives, record
from pipeline.adopt.verdict import FAULTS


def place(name: str, folder: str | None) -> str | None:
    """The folder that jobs read: the user's, or data/raw/NAME where that was unpacked from it."""
    return str(archives.RAW / name) if folder and archives.made_from(name, folder) else folder


def problem(name: str, folder: str | None, scale: int | None, groups: Collection[str] | None) -> str | None:
    """What the last report of this folder says against these groups (None: all) at a scale; None when nothing.

    A copy of which there is no report is not refused: its files are checked when they are packed.
    """
    found = record.last(name)
    if found is None or folder is None or found["folder"] != str(Path(folder)):
        return None
    broken = [
        part
        for part in found["parts"]
        if part["state"] == "broken" and part["scale"] in (scale, None) and (groups is None or part["group"] in groups)
    ]
    if not broken:
        return None
    told = "; ".join(_told(part) for part in broken[:3]) + (f"; and {len(broken) - 3} more parts" if broken[3:] else "")
    out = f", leave cameras out with `datasets.{name}.available`," if groups else ""
    return (
        f"{folder}: cannot be used as it is: {told}. All names: {record.path_of(name)}. Repair the copy{out} and run "
        f"`python -m pipeline.adopt {name}` again."
    )


def _told(part: dict) -> str:
    where = " ".join(filter(None, (part["group"], part["scale"] and f"x{part['scale']}", part["split"])))
    return f"{where}: " + ", ".join(f"{len(names)} {FAULTS[fault]}" for fault, names in part["faults"].items())
