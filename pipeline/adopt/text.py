"""Print the report of an adoption for a person."""

from collections import Counter

from pipeline.adopt.parts import Layout
from pipeline.adopt.verdict import FAULTS, Row
from pipeline.printing.document import aligned

WORDS = {"pass": "pass", "partial": "partial", "fail": "fail, cannot be used", "absent": "missing"}


def text(layout: Layout, report: dict, rows: list[Row], shown: int) -> str:
    """The whole report; of every list of names the first `shown`, the others are in the JSON."""
    size = (
        f"{report['images']:,} images, {report['bytes'] / 1e9:.1f} GB"
        if report["images"]
        else "no image of this data set"
    )
    per_scale = "; ".join(f"{scale} {WORDS[level]}" for scale, level in report["scales"].items())
    head = f"{layout.title}: {WORDS[report['level']]}" + (f" ({per_scale})" if len(report["scales"]) > 1 else "")
    lines = [head, f"  folder  {report['folder']} ({size})", f"  digest  {report['digest']}"]
    present = [row for row in rows if row.files or row.part in layout.required]
    # An absent part is printed only if other parts of its scale exist.
    near = {row.part.scale for row in rows if row.files}
    lines += _table("camera" if layout.together else "images", [row for row in present if row.part.scale in near])
    names = [line for row in present if row.files for line in _names(row, shown)]
    lines += ["", *names] if names else []
    lines += ["", *_strays(report["strays"], shown)] if report["strays"] else []
    lines += ["", *(f"note: {note}" for note in report["notes"])] if report["notes"] else []
    sources = dict.fromkeys(row.expected.source for row in present if row.expected and row.files)
    if sources:
        lines.append(f"expected: {'; '.join(sources)}; – means not stated")
    return "\n".join(lines)


def changed(changes: dict[str, list[str]], shown: int) -> list[str]:
    """Sentences about images that changed since the last report; empty when none did."""
    return [
        f"since the last report {what}: {len(names):,} images: {_first(names, shown)}"
        for what, names in changes.items()
        if names
    ]


def _table(heading: str, rows: list[Row]) -> list[str]:
    if not rows:
        return []
    columns = [name for name in FAULTS if name == "missing" or any(row.faults[name] for row in rows)]
    head = [heading, "scale", "split", "expected", "found", *(FAULTS[name] for name in columns), "verdict"]
    lines = [head]
    for row in rows:
        part = [row.part.group, f"x{row.part.scale}" if row.part.scale else "", row.part.split]
        counts = [f"{row.expected.count:,}" if row.expected else "–", f"{row.found:,}"]
        counts += [f"{len(row.faults[name]):,}" if row.faults[name] else "·" for name in columns]
        lines.append([*part, *counts, row.state])
    cells = aligned([line[:-1] for line in lines], left=3)
    return ["", *(f"{cell}  {line[-1]}" for cell, line in zip(cells, lines, strict=True))]


def _names(row: Row, shown: int) -> list[str]:
    lines = []
    for fault, label in FAULTS.items():
        if found := row.faults[fault]:
            plain = fault in ("missing", "extra", "no_lr", "no_hr")
            items = sorted(found) if plain else [f"{name} ({why})" for name, why in sorted(found.items())]
            lines.append(f"{row.part}, {label}: {_first(items, shown)}")
    return lines


def _strays(strays: dict[str, str], shown: int) -> list[str]:
    counts = Counter(strays.values())
    return [
        f"{count:,} files beside the images, {why}: {_first([path for path, reason in strays.items() if reason == why], shown)}"
        for why, count in counts.most_common()
    ]


def _first(items: list[str], shown: int) -> str:
    more = f" … and {len(items) - shown:,} more" if len(items) > shown else ""
    return ", ".join(items[:shown]) + more
