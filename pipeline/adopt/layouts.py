"""Every data set that can be adopted, by the name of its setting `adopt.<name>`; docs/data.md says who states which fact."""

from collections.abc import Callable, Iterator
from functools import partial

from pipeline.adopt import benchmark, drealsr
from pipeline.adopt.parts import Expected, Image, Layout, Part
from pipeline.adopt.patterns import Rule, scanner
from pipeline.datasets import df2k
from pipeline.errors import UserError


def named(name: str) -> Layout:
    """The layout of one data set; UserError for an unknown name."""
    if name not in LAYOUTS:
        raise UserError(f"'{name}' cannot be adopted; these can: {', '.join(LAYOUTS)}.")
    return LAYOUTS[name]()


def _above(part: Part) -> Part | None:
    """The part that holds the HR of an LR part; all scales of bicubic LR share one folder of HR."""
    return None if part.scale is None else Part("HR", None, part.split)


def _numbered(first: int, last: int, digits: int, source: str) -> Expected:
    names = frozenset(f"{number:0{digits}d}" for number in range(first, last + 1))
    return Expected(len(names), names, source)


def _photographs(name: str, splits: dict[str, str]) -> Iterator[Rule]:
    """Rules for HR and bicubic LR in the folders that packing reads. `splits`: name in the data set → name in the report."""
    source = df2k.SOURCES[name]
    key = f"(?P<key>{source.name})"
    for split, part in splits.items():
        for hr in source.parts[part][0]:
            lr = rf"(?i:{df2k.lr_folder(hr)}/X)(?P<scale>[234])/{key}x(?P=scale)\.png"
            yield Rule(rf"(?i:{hr})/{key}\.png", "HR", group="HR", split=split)
            yield Rule(lr, "LR", group="bicubic", split=split)


def _div2k() -> Layout:
    stated = {
        "train": _numbered(1, 800, 4, "DIV2K: 0001 to 0800"),
        "valid": _numbered(801, 900, 4, "DIV2K: 0801 to 0900"),
    }
    places = [("HR", None), *((group, scale) for group in ("bicubic", "unknown") for scale in (2, 3, 4)), ("x8", 8)]
    head = "DIV2K_(?P<split>train|valid)_"
    return Layout(
        title="DIV2K",
        heading="images",
        get="https://data.vision.ee.ethz.ch/cvl/DIV2K/ (DIV2K_train_HR.zip, DIV2K_valid_HR.zip, DIV2K_*_LR_bicubic_X*.zip)",
        scan=scanner(
            *_photographs("div2k", {"train": "train", "valid": "test"}),
            Rule(rf"{head}LR_(?P<group>unknown)/X(?P<scale>[234])/(?P<key>\d{{4}})x(?P=scale)\.png", "LR"),
            Rule(rf"{head}LR_(?P<group>x8)/(?P<key>\d{{4}})x8\.png", "LR", scale=8),
        ),
        expected={Part(*place, split): number for place in places for split, number in stated.items()},
        required=frozenset(Part("HR", None, split) for split in stated),
        partner=_above,
    )


def _flickr2k() -> Layout:
    stated = _numbered(1, 2650, 6, "Flickr2K: 000001 to 002650")
    places = [("HR", None), *((group, scale) for group in ("bicubic", "unknown") for scale in (2, 3, 4))]
    return Layout(
        title="Flickr2K",
        heading="images",
        get="a mirror, as the authors' links are reported dead: goodfellowliu/Flickr2K on Hugging Face",
        scan=scanner(
            *_photographs("flickr2k", {"train": "train"}),
            Rule(
                r"Flickr2K_LR_(?P<group>unknown)/X(?P<scale>[234])/(?P<key>\d{6})x(?P=scale)\.png", "LR", split="train"
            ),
        ),
        expected={Part(*place, "train"): stated for place in places},
        required=frozenset({Part("HR", None, "train")}),
        partner=_above,
    )


def _realsr() -> Layout:
    source = "the test log of dummerchen/DAN"
    stated = {
        camera: Expected(50, frozenset(f"{camera}_{number:03d}" for number in range(1, 51)), source)
        for camera in ("Canon", "Nikon")
    }
    head = r"(?:Canon|Nikon)/(?P<split>Train|Test)/(?P<scale>[234])/(?P<key>(?P<group>Canon|Nikon)_\d+)_"
    return Layout(
        title="RealSR V3",
        heading="camera",
        get="RealSR(V3).tar.gz: https://github.com/csjcai/RealSR",
        scan=scanner(Rule(rf"{head}HR\.png", "HR"), Rule(rf"{head}LR(?P=scale)\.png", "LR")),
        expected={Part(camera, 4, "test"): number for camera, number in stated.items()},
        required=frozenset(
            Part(camera, scale, split) for camera in stated for scale in (2, 3, 4) for split in ("train", "test")
        ),
        partner=lambda part: part,
        together=True,
        check=_older_realsr,
    )


def _older_realsr(rows: dict, images: list[Image], looks: dict) -> list[str]:
    """Notes; a warning if LR and HR have one size: RealSR V1 and V2 have the names of V3, but LR enlarged to HR size."""
    sizes: dict[tuple[Part, str], set] = {}
    for image in images:
        sizes.setdefault((image.part, image.key), set()).add((image.kind, looks[image.path].size))
    pairs = [{size for _, size in kinds} for kinds in sizes.values() if len({kind for kind, _ in kinds}) == 2]
    same = sum(len(pair) == 1 for pair in pairs)
    notes = ["Training pairs: no source states their number per scale (the README: 459 scenes); counted, not checked."]
    if same:
        notes.insert(0, f"HR and LR of {same} of {len(pairs)} pairs have the same size: RealSR V1 or V2. Get V3.")
    return notes


def _d2crealsr() -> Layout:
    tail = r"(?P<key>[^/]+?)(?:_(?:HR|LR\d?|x\d))?\.png"
    return Layout(
        title="D2CRealSR",
        heading="images",
        get="https://github.com/megvii-research/D2C-SR (one Google Drive file)",
        scan=scanner(
            *(Rule(f"(?P<split>train|test)_{kind}/{tail}", kind, group="pairs", scale=8) for kind in ("HR", "LR"))
        ),
        expected={},
        required=frozenset({Part("pairs", 8, "test")}),
        partner=lambda part: part,
        check=lambda rows, images, looks: [
            "No source states names or numbers of images: counted and paired, not checked."
        ],
    )


def _reds() -> Layout:
    source = "REDS: 240 and 30 videos of 100 frames"
    stated = {"train": Expected(24000, None, source), "val": Expected(3000, None, source)}
    frame = r"(?P<key>\d{3}/\d{8})\.png"
    return Layout(
        title="REDS",
        heading="images",
        get="train_sharp.zip and val_sharp.zip: https://seungjunnah.github.io/Datasets/reds.html (snah/REDS on Hugging Face)",
        scan=scanner(
            Rule(f"(?P<split>train|val)_sharp/{frame}", "HR", group="HR"),
            Rule(f"(?P<split>train|val)_(?P<group>sharp_bicubic)/X(?P<scale>4)/{frame}", "LR"),
        ),
        expected={
            Part(*place, split): number
            for place in (("HR", None), ("sharp_bicubic", 4))
            for split, number in stated.items()
        },
        required=frozenset(Part("HR", None, split) for split in stated),
        partner=_above,
        size=(720, 1280),
        check=lambda rows, images, looks: ["The pipeline reads only frame 00000024 of every video."],
    )


LAYOUTS: dict[str, Callable[[], Layout]] = {
    "drealsr": drealsr.layout,
    "realsr": _realsr,
    "d2crealsr": _d2crealsr,
    "div2k": _div2k,
    "flickr2k": _flickr2k,
    **{name: partial(benchmark.layout, name) for name in benchmark.TITLES},
    "reds": _reds,
}
