"""Layouts of the test sets: HR where `pipeline.datasets.benchmark` reads it, and the LR beside it, which is only counted."""

import re
from functools import partial
from pathlib import Path

from pipeline.adopt.parts import Expected, Layout
from pipeline.datasets import benchmark
from pipeline.datasets.folders import File, Part, is_junk

# Names as in the papers. Their numbers of images are stated there, and equal to those of SelfExSR and Manga109's list of volumes.
TITLES = {"set5": "Set5", "set14": "Set14", "bsd100": "BSD100", "urban100": "Urban100", "manga109": "Manga109"}
REDUCED = re.compile(r"(?:^|/)LR_bicubic/X(?P<scale>[234])/(?P<key>[^/]+)x(?P=scale)\.png", re.IGNORECASE)


def layout(name: str) -> Layout:
    """Layout of a test set: folders of SelfExSR (HR per scale), or the usual ones (one HR for all scales)."""
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
    """HR where packing reads it, and LR. UserError, the same as in packing, when several folders could be the HR."""
    place = benchmark.set_folder(root, name)
    whole, _ = benchmark.hr_folder(place, name) or (None, [])
    paths = [folder / one for folder, names in benchmark.images(place, name) for one in names]
    images = (_image(path, path.relative_to(place).as_posix(), path.parent == whole) for path in paths)
    return [image for image in images if image and not is_junk(image.path)], {}


def _image(path: Path, place: str, whole: bool) -> File | None:
    if match := benchmark.SRF.fullmatch(path.name):
        return File(Part("SelfExSR", int(match["srf"]), "test"), match["kind"].upper(), match["name"], path)
    if whole:
        return File(Part("HR", None, "test"), "HR", path.stem, path)
    if match := REDUCED.search(place):
        return File(Part("bicubic", int(match["scale"]), "test"), "LR", match["key"], path)
    return None


def _check(name: str, rows: dict, images: list[File], looks: dict) -> list[str]:
    notes = _urban_x2(rows, images, looks) if name == "urban100" else []
    if any(image.kind == "HR" and image.path.parent.name.lower() == benchmark.CROPPED for image in images):
        notes.append(f"{benchmark.CROPPED}: HR cropped to multiples of 12, which serve x2, x3 and x4 alone.")
    return notes


def _urban_x2(rows: dict, images: list[File], looks: dict) -> list[str]:
    """Report HR of scale 2 at half size, as in SelfExSR: scores on them cannot be compared with other papers."""
    hr = [image for image in images if image.kind == "HR"]
    small, large = ({one.key: looks[one.path].size for one in hr if one.part.scale == scale} for scale in (2, 4))
    if small and not large:
        return ["image_SRF_2 without image_SRF_4: in SelfExSR its HR are half the size, which cannot be checked here."]
    halved = {key for key, size in small.items() if key in large and size != (0, 0) and 1.5 * size[1] < large[key][1]}
    sizes = rows[Part("SelfExSR", 2, "test")].faults["size"]
    sizes |= dict.fromkeys(halved, "HR is half the size of the same image in image_SRF_4")
    if not halved:
        return []
    return [
        f"{len(halved)} HR of image_SRF_2 are half the size of image_SRF_4's: scores at x2 on them cannot be compared. "
        "For x2 and x3 take the HR of image_SRF_4 and reduce them."
    ]
