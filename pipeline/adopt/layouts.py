"""Every data set that can be adopted, by the name of its setting `adopt.<name>`; docs/data.md says who states which fact."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.adopt import benchmark, drealsr
from pipeline.adopt.parts import Expected, Layout
from pipeline.datasets import df2k, realsr, reds
from pipeline.datasets.folders import File, Part, Rule, scan
from pipeline.errors import UserError


def named(name: str) -> Layout:
    """The layout of one data set; UserError for an unknown name."""
    if name not in LAYOUTS:
        raise UserError(f"'{name}' cannot be adopted; these can: {', '.join(LAYOUTS)}.")
    return LAYOUTS[name]()


def _above(part: Part) -> Part | None:
    """The part that holds the HR of an LR part; all scales of bicubic LR share one folder of HR."""
    return None if part.scale is None else Part("HR", None, part.split)


def _by(rules: list[Rule]) -> Callable[[Path], tuple[list[File], dict[Path, str]]]:
    return lambda root: (scan(root, rules), {})


def _df2k(name: str) -> Layout:
    source, stated, first = df2k.SOURCES[name], {}, 1
    for split, (_, count) in source.parts.items():
        keys = frozenset(f"{number:0{source.digits}d}" for number in range(first, first + count))
        stated[split] = Expected(count, keys, f"{source.label}: {min(keys)} to {max(keys)}")
        first += count
    places = [("HR", None), *((group, scale) for group in ("bicubic", "unknown") for scale in df2k.PUBLISHED)]
    places += [("x8", 8)] if name == "div2k" else []
    return Layout(
        title=source.label,
        get=source.page,
        scan=_by(df2k.rules(name)),
        expected={Part(*place, split): number for place in places for split, number in stated.items()},
        required=frozenset(Part("HR", None, split) for split in stated),
        partner=_above,
    )


def _realsr() -> Layout:
    source = "the test log of dummerchen/DAN"
    stated = {
        camera: Expected(
            realsr.TEST, frozenset(f"{camera}_{number:03d}" for number in range(1, realsr.TEST + 1)), source
        )
        for camera in realsr.CAMERAS.values()
    }
    return Layout(
        title="RealSR V3",
        get=f"RealSR(V3).tar.gz: {realsr.PAGE}",
        scan=_by(realsr.RULES),
        expected={Part(camera, 4, "test"): number for camera, number in stated.items()},
        required=frozenset(
            Part(camera, scale, split) for camera in stated for scale in (2, 3, 4) for split in ("train", "test")
        ),
        together=True,
        check=_older_realsr,
    )


def _older_realsr(rows: dict, images: list[File], looks: dict) -> list[str]:
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
        get="https://github.com/megvii-research/D2C-SR (one Google Drive file)",
        scan=_by([Rule(f"(?P<split>train|test)_{kind}/{tail}", kind, group="pairs", scale=8) for kind in ("HR", "LR")]),
        expected={},
        required=frozenset({Part("pairs", 8, "test")}),
        check=lambda rows, images, looks: [
            "No source states names or numbers of images: counted and paired, not checked."
        ],
    )


def _reds() -> Layout:
    source = "REDS: 240 and 30 videos of 100 frames"
    stated = {"train": Expected(24000, None, source), "val": Expected(3000, None, source)}
    return Layout(
        title="REDS",
        get=f"train_sharp.zip and val_sharp.zip: {reds.PAGE} (snah/REDS on Hugging Face)",
        scan=_by(reds.RULES),
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
    **{name: partial(_df2k, name) for name in df2k.SOURCES},
    **{name: partial(benchmark.layout, name) for name in benchmark.TITLES},
    "reds": _reds,
}
