"""Compare a copy with what is known of the data set: one row per part, its faults by name, and the level of the whole."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from pipeline.adopt.images import Look
from pipeline.adopt.parts import Expected, Inventory, Layout
from pipeline.datasets.folders import File, Part

# Faults of a row and the heads of their columns, in order. Those in BREAKING make a part unusable.
BREAKING = {
    "no_lr": "no LR",
    "no_hr": "no HR",
    "size": "wrong size",
    "damaged": "damaged",
    "twice": "twice",
}
FAULTS = {"missing": "missing", **BREAKING, "extra": "extra", "equal": "equal"}


@dataclass
class Row:
    """A part: what is expected, number of files, keys of complete images or pairs, fault → image → description."""

    part: Part
    expected: Expected | None
    files: int = 0
    whole: set[str] = field(default_factory=set)
    faults: dict[str, dict[str, str]] = field(default_factory=lambda: {name: {} for name in FAULTS})

    @property
    def found(self) -> int:
        """Number of complete images or pairs: readable, of the right size, and in the list if there is one."""
        return len(self.whole.difference(*(self.faults[name] for name in ("size", "damaged", "extra"))))

    @property
    def state(self) -> str:
        """absent, broken, incomplete, unverified (no source states what to expect) or complete."""
        if not self.files:
            return "absent"
        if any(self.faults[name] for name in BREAKING):
            return "broken"
        if self.expected is None:
            return "unverified"
        return "incomplete" if self.found < self.expected.count or self.faults["missing"] else "complete"


def rows(layout: Layout, inventory: Inventory, looks: dict) -> list[Row]:
    """One row per part that is expected, required or present. `looks`: path → `Look`."""
    files: dict[Part, dict[str, dict[str, list[File]]]] = defaultdict(lambda: {"HR": {}, "LR": {}})
    for image in inventory.images:
        files[image.part][image.kind].setdefault(image.key, []).append(image)
    parts = sorted({*files, *layout.expected, *layout.required}, key=lambda part: (part.scale or 0, part))
    result = {part: _row(layout, part, files, looks) for part in parts}
    for first, others in equal(inventory.images, looks).items():
        for image in others:
            result[image.part].faults["equal"][image.key] = f"same content as {first.name}"
    return list(result.values())


def equal(images: list[File], looks: dict) -> dict[File, list[File]]:
    """Image → other images of its scale and kind with the same bytes under another name."""
    groups: dict[tuple, dict[str, File]] = defaultdict(dict)
    for image in images:
        if looks[image.path].sha256:
            groups[image.part.scale, image.kind, looks[image.path].sha256].setdefault(image.name, image)
    return {first: others for first, *others in (group.values() for group in groups.values()) if others}


def usable(layout: Layout, found: list[Row]) -> dict[tuple[int | None, str], bool]:
    """(scale, group) → whether it is usable: all its splits if the layout needs them together, else any of them."""
    groups: dict[tuple[int | None, str], list[bool]] = defaultdict(list)
    for row in found:
        groups[row.part.scale, row.part.group].append(row.state not in ("absent", "broken"))
    return {place: all(each) if layout.together else any(each) for place, each in groups.items()}


def scales(layout: Layout, found: list[Row]) -> dict[int, str]:
    """Scale → its level or "absent", for every scale of a complete copy."""
    required = sorted({part.scale for part in layout.required if part.scale})
    groups = {scale: [row for row in found if row.part.scale == scale] for scale in required}
    return {
        scale: level(layout, of_scale) if any(row.files for row in of_scale) else "absent"
        for scale, of_scale in groups.items()
    }


def level(layout: Layout, found: list[Row]) -> str:
    """pass: everything required is present and nothing broken; partial: something is usable; else fail."""
    if not any(usable(layout, found).values()):
        return "fail"
    rows = [row for row in found if row.files or row.part in layout.required]
    return "pass" if all(row.state in ("complete", "unverified") for row in rows) else "partial"


def _row(layout: Layout, part: Part, held: dict, looks: dict) -> Row:
    files = held.get(part, {"HR": {}, "LR": {}})
    row = Row(part, layout.expected.get(part), files=len(files["HR"]) + len(files["LR"]))
    for kind in ("HR", "LR"):
        for key, images in sorted(files[kind].items()):
            _one(row, kind, key, images, looks)
        _sizes(row, layout, kind, files[kind], looks)
    above = layout.partner(part)
    if above is None:
        row.whole = set(files["HR"])
    else:
        _pairs(row, layout, files["LR"], held.get(above, {"HR": {}})["HR"], looks)
        alone = files["HR"].keys() - files["LR"].keys()
        row.faults["no_lr"] = {files["HR"][key][0].path.name: "its LR partner does not exist" for key in alone}
    if row.expected and row.expected.names is not None:
        present = {*files["HR"], *files["LR"]}
        row.faults["missing"] = dict.fromkeys(sorted(row.expected.names - present), "missing")
        row.faults["extra"] = dict.fromkeys(sorted(present - row.expected.names), f"not in {row.expected.source}")
    return row


def _one(row: Row, kind: str, key: str, images: list[File], looks: dict) -> None:
    """Record damaged files of one image, and whether it exists twice."""
    problems = [f"{image.path}: {looks[image.path].problem}" for image in images if looks[image.path].problem]
    if problems:
        row.faults["damaged"][key] = "; ".join(filter(None, [row.faults["damaged"].get(key), *problems]))
    if len(images) > 1:
        row.faults["twice"][key] = f"{kind}: " + " and ".join(str(image.path) for image in images)


def _pairs(row: Row, layout: Layout, lr: dict, hr: dict, looks: dict) -> None:
    """Record LR without HR, pairs of wrong sizes, and complete pairs."""
    row.whole = lr.keys() & hr.keys()
    row.faults["no_hr"] = {lr[key][0].path.name: "its HR partner does not exist" for key in lr.keys() - hr.keys()}
    for key in sorted(row.whole):
        if wrong := _ratio(row.part.scale, layout.exact, looks[lr[key][0].path], looks[hr[key][0].path]):
            row.faults["size"][key] = wrong


def _ratio(scale: int | None, exact: bool, lr: Look, hr: Look) -> str:
    """Sentence about wrong sizes of a pair; empty if they fit or one is unknown."""
    if not scale or lr.problem or hr.problem:
        return ""
    off = [large - scale * small for large, small in zip(hr.size, lr.size, strict=True)]
    if max(off) < scale and min(off) > (-1 if exact else -scale):
        return ""
    return f"HR is {hr.size[0]}x{hr.size[1]}, LR {lr.size[0]}x{lr.size[1]}, expected HR {scale} times as large"


def _sizes(row: Row, layout: Layout, kind: str, images: dict, looks: dict) -> None:
    """Record images of another size than the data set's or, if a split has one size, than most of the split."""
    of_key = {key: looks[each[0].path] for key, each in images.items()}
    sizes = {key: look.size for key, look in of_key.items() if not look.problem}
    expected = layout.size if kind == "HR" else None
    if row.part.split in layout.one_size and sizes:
        expected = Counter(sizes.values()).most_common(1)[0][0]
    for key, size in sizes.items():
        if expected and size != expected:
            text = f"{kind} is {size[0]}x{size[1]}, expected {expected[0]}x{expected[1]}"
            row.faults["size"].setdefault(key, text)
