"""Test sets as they are known: folders and names from `pipeline.datasets.benchmark`, which reads HR alone, and LR beside them."""

import re
from functools import partial
from pathlib import Path

from pipeline.adopt.parts import Expected, Layout
from pipeline.datasets import benchmark
from pipeline.datasets.folders import File, Part, is_junk

# As the papers name them; how many images there are is stated there and counted in SelfExSR and Manga109's list of volumes.
TITLES = {"set5": "Set5", "set14": "Set14", "bsd100": "BSD100", "urban100": "Urban100", "manga109": "Manga109"}
REDUCED = re.compile(r"(?:^|/)LR_bicubic/X(?P<scale>[234])/(?P<key>[^/]+)x(?P=scale)\.png", re.IGNORECASE)


def layout(name: str) -> Layout:
    """A set of test images in the layouts of SelfExSR (HR by scale) and of everybody else (one HR for all scales)."""
    scales = (2, 4) if name == "urban100" else (2, 3, 4)
    count = benchmark.SETS[name][1]
    parts = [("SelfExSR", scale) for scale in scales] + [("HR", None)] + [("bicubic", scale) for scale in (2, 3, 4)]
    expected = Expected(count, None, f"{TITLES[name]}: {count} images")
    return Layout(
        title=TITLES[name],
        get=benchmark.PAGES.get(name, benchmark.PAGE),
        scan=partial(scan, name),
        expected={Part(group, scale, "test"): expected for group, scale in parts},
        required=frozenset(),
        partner=lambda part: Part("HR", None, "test") if part.group == "bicubic" else part if part.scale else None,
        grey=True,
        check=partial(_check, name),
    )


def scan(name: str, root: Path) -> tuple[list[File], dict[Path, str]]:
    """HR where packing looks for them, and LR. UserError, packing's own, where it is open which folder is meant."""
    place = benchmark.root(root, name)
    whole, _ = benchmark.whole(place, name) or (None, [])
    paths = [folder / one for folder, names in benchmark.images(place, name) for one in names]
    images = (_image(path, path.relative_to(place).as_posix(), path.parent == whole) for path in paths)
    return [image for image in images if image and not is_junk(image.path)], {}


def _image(path: Path, place: str, whole: bool) -> File | None:
    if found := benchmark.SRF.fullmatch(path.name):
        return File(Part("SelfExSR", int(found["srf"]), "test"), found["kind"].upper(), found["name"], path)
    if whole:
        return File(Part("HR", None, "test"), "HR", path.stem, path)
    if found := REDUCED.search(place):
        return File(Part("bicubic", int(found["scale"]), "test"), "LR", found["key"], path)
    return None


def _check(name: str, rows: dict, images: list[File], looks: dict) -> list[str]:
    notes = _urban_x2(rows, images, looks) if name == "urban100" else []
    if any(image.kind == "HR" and image.path.parent.name.lower() == benchmark.CROPPED for image in images):
        notes.append(f"{benchmark.CROPPED}: HR cropped to multiples of 12, which serve x2, x3 and x4 alone.")
    return notes


def _urban_x2(rows: dict, images: list[File], looks: dict) -> list[str]:
    """SelfExSR's HR of scale 2 are half the size of its HR of scale 4: another test than everybody else's."""
    hr = [image for image in images if image.kind == "HR"]
    small, large = ({one.key: looks[one.path].size for one in hr if one.part.scale == scale} for scale in (2, 4))
    if small and not large:
        return [
            "image_SRF_2 without image_SRF_4: in SelfExSR its HR are half the size, which cannot be looked into here."
        ]
    halved = {key for key, size in small.items() if key in large and size != (0, 0) and 1.5 * size[1] < large[key][1]}
    sizes = rows[Part("SelfExSR", 2, "test")].faults["size"]
    sizes |= dict.fromkeys(halved, "HR is half the size of the same image in image_SRF_4")
    if not halved:
        return []
    return [
        f"{len(halved)} HR of image_SRF_2 are half the size of image_SRF_4's: scores at x2 on them compare with nobody's. "
        "For x2 and x3 take the HR of image_SRF_4 and reduce them."
    ]
