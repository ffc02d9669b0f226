"""Set5, Set14, BSD100, Urban100 and Manga109 from a folder of the user's: test images, LR made from HR.

"Camera" is the name of the set. HR files are named `img_001_SRF_<scale>_HR.png` in any folder (Huang et al., CVPR 2015),
or lie in one folder `original`, `HR`, `GT`, one named like the set, or `GTmod12`. LR files beside them are not used,
as copies differ. Settings: `test` {srf: whose `image_SRF_<srf>` holds the HR, null for the scale's own}.
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from pipeline.datasets import Split
from pipeline.datasets.folders import reason, walk
from pipeline.datasets.photographs import Photograph, split
from pipeline.errors import UserError
from pipeline.images.rgb import image_size

ENDINGS = (".png", ".jpg", ".jpeg")
# Set -> (names that its folder may have, number of images).
SETS = {
    "set5": (("set5",), 5),
    "set14": (("set14",), 14),
    "bsd100": (("bsd100", "b100", "bsds100"), 100),
    "urban100": (("urban100",), 100),
    "manga109": (("manga109",), 109),
}
PAGES = {"manga109": "http://www.manga109.org/en/ (by application; it may not be passed on)"}
PAGE = "https://github.com/jbhuang0604/SelfExSR"
LICENCES = {
    "bsd100": "BSDS: non-commercial research and education",
    "manga109": "Manga109: academic use, no redistribution of any part",
}
SRF = re.compile(r"(?P<name>.+)_SRF_(?P<srf>\d+)_(?P<kind>HR|LR)\.png", re.IGNORECASE)
# image_SRF_<n> used for a scale that has none, such as 8: it crops least of the photograph.
LEAST_CROPPED = 2
WHOLE, CROPPED = ("original", "hr", "gt"), "gtmod12"


def collect(settings: dict, camera: str, scale: int, folder: Path | None) -> list[Split]:
    """Only a test split: HR cut at the right and bottom to a multiple of the scale, LR made by `images.bicubic`."""
    if lack := missing(folder, [camera], scale):
        raise UserError(lack)
    place, (_, count) = set_folder(Path(folder), camera), SETS[camera]
    files = _self_exemplar(place, camera, settings["test"]["srf"], scale) or _plain(place, camera, scale)
    licence = LICENCES.get(camera, f"{camera}: no licence stated; research use")
    photographs = [Photograph(name, files[name], None) for name in sorted(files)]
    empty = [Split(name, False, [], []) for name in ("train", "val")]
    return [*empty, split("test", photographs, scale, None, Path(folder), licence, count)]


def missing(folder: str | Path | None, cameras: Iterable[str], scale: int) -> str | None:
    """Message about the first missing set: where to get it and which setting names its folder; None if none is missing."""
    for name in cameras:
        if why := reason(name, folder, [name], SETS, partial(_lacks, name)):
            return (
                f"the test set {name} is missing: {why}. Get it from {PAGES.get(name, PAGE)} and set `adopt.{name}` in "
                "site.yaml to the folder that holds its HR images."
            )
    return None


def _lacks(name: str, place: Path) -> str:
    return "" if any(names for _, names in images(set_folder(place, name), name)) else "no PNG or JPEG of this set"


def set_folder(folder: Path, name: str) -> Path:
    """The folder of the set inside `folder`, which may hold several sets; UserError for two folders of the set."""
    candidates = [place for place, *_ in walk(folder) if place.name.lower() in SETS[name][0]]
    outermost = [place for place in candidates if not any(other in place.parents for other in candidates)]
    if len(outermost) > 1:
        shown = " and ".join(map(str, outermost[:2]))
        raise UserError(f"{shown}: two copies of {name}. Name one of them in `adopt.{name}`.")
    return outermost[0] if outermost else folder


def images(place: Path, name: str) -> Iterator[tuple[Path, list[str]]]:
    """(folder, names of its images) for all folders below the set's folder, except those named like another set."""
    others = {other for one, (names, _) in SETS.items() if one != name for other in names}
    for folder, _, names in walk(place):
        if not others.intersection(part.lower() for part in folder.relative_to(place).parts):
            yield folder, [one for one in names if one.lower().endswith(ENDINGS)]


def hr_folder(place: Path, name: str) -> tuple[Path, list[str]] | None:
    """(folder, names) of HR for every scale, from the first existing kind of folder; UserError for two folders of a kind."""
    filled = [(folder, names) for folder, names in images(place, name) if names]
    for kinds in (*((kind,) for kind in WHOLE), (*SETS[name][0], place.name.lower()), (CROPPED,)):
        of_kind = [(folder, names) for folder, names in filled if folder.name.lower() in kinds]
        if len(of_kind) > 1:
            raise UserError(f"{of_kind[0][0]} and {of_kind[1][0]}: either could be the HR. Leave one of them.")
        if of_kind:
            return of_kind[0]
    return None


def _self_exemplar(root: Path, name: str, srf: int | None, scale: int) -> dict[str, Path]:
    """Name -> HR file in the layout with `image_SRF_<n>`; empty for other layouts."""
    by_srf: dict[int, dict[str, Path]] = {}
    for place, names in images(root, name):
        for match in filter(None, map(SRF.fullmatch, names)):
            if match["kind"].upper() == "HR":
                by_srf.setdefault(int(match["srf"]), {})[match["name"]] = place / match.string
    if not by_srf:
        return {}
    chosen = srf or (scale if scale in by_srf else LEAST_CROPPED)
    if chosen not in by_srf:
        raise UserError(
            f"{root}: no image_SRF_{chosen}, but {', '.join(f'image_SRF_{n}' for n in sorted(by_srf))}. Complete the set, or "
            "change `test.srf` in params/domains.yaml."
        )
    # Some sets hold images of half the size for one scale (Urban100 for 2); scores on them cannot be compared with others.
    for other in set(by_srf) - {chosen}:
        for name, file in by_srf[chosen].items():
            larger = image_size(by_srf[other][name], grey=True) if name in by_srf[other] else (0, 0)
            size = image_size(file, grey=True)
            if any(theirs - ours >= max(chosen, other) for theirs, ours in zip(larger, size, strict=True)):
                raise UserError(
                    f"{file} is smaller than {by_srf[other][name]}: it is not the photograph at full size. Set `test.srf` of "
                    f"this set to {other} in params/domains.yaml."
                )
    return by_srf[chosen]


def _plain(root: Path, camera: str, scale: int) -> dict[str, Path]:
    """Name -> HR file of other layouts."""
    hr = hr_folder(root, camera)
    if hr is None:
        raise UserError(
            f"{root}: no folder {', '.join(WHOLE)} or {CROPPED} with images. Put the HR images in {root / 'HR'}."
        )
    place, names = hr
    if place.name.lower() == CROPPED and 12 % scale:
        raise UserError(
            f"{place}: cropped to multiples of 12, which loses pixels at scale {scale}. Give the original images."
        )
    return {Path(name).stem: place / name for name in names}
