"""REDS (Nah et al., CVPRW 2019), frames of a video camera as a target without HR, from a folder of the user's.

Layout: `train_sharp` and `val_sharp` at any depth, in them one folder per video with frames `00000000.png` and on. Xu et
al. (CVPR 2022, section 4.3) take the original frames as LR, as their reductions are synthetic: 22 videos drawn at random
to train on, the others to test on; of each video their code reads frame 24 alone. Settings: `train_videos`, `seed` of the
draw, `frame`. Licence CC BY 4.0, as tagged on the authors' own copy.
"""

import random
from pathlib import Path
from typing import NamedTuple

from pipeline.datasets.folders import Rule, named, reason, scan
from pipeline.errors import UserError
from pipeline.images.rgb import image_size

KEY = r"(?P<key>\d{3}/\d{8})\.png"
RULES = [
    Rule(f"(?P<split>train|val)_sharp/{KEY}", "HR", "HR"),
    Rule(f"(?P<split>train|val)_sharp_bicubic/X4/{KEY}", "LR", "sharp_bicubic", 4),
]
LICENCE = "CC BY 4.0, Seungjun Nah et al."
PAGE = "https://seungjunnah.github.io/Datasets/reds.html"


class Frame(NamedTuple):
    """One frame: `name` is <train or val>_<video>, size (H, W) of the file."""

    name: str
    file: Path
    size: tuple[int, int]
    origin: str
    licence: str


def frames(settings: dict, folder: Path | None) -> dict[str, list[Frame]]:
    """Split (train, test) → one frame per video; UserError for missing frames or frames of different sizes."""
    if lack := missing(settings, folder):
        raise UserError(lack)
    videos = _videos(Path(folder), settings["frame"])
    names = sorted(videos)
    random.Random(settings["seed"]).shuffle(names)
    count = settings["train_videos"]
    splits = {"train": sorted(names[:count]), "test": sorted(names[count:])}
    chosen = {split: [_frame(name, videos[name], Path(folder)) for name in part] for split, part in splits.items()}
    sizes = {frame.size: frame for part in chosen.values() for frame in part}
    if len(sizes) > 1:
        shown = ", ".join(f"{frame.file} is {size[0]}x{size[1]}" for size, frame in list(sizes.items())[:2])
        raise UserError(f"REDS: {shown} (height x width); expected frames of one size. Unpack the data set again.")
    return chosen


def missing(settings: dict, folder: str | Path | None) -> str | None:
    """Message about missing videos: where to get them and which setting to set; else None. Reads folder listings only."""

    def lacks(place: Path) -> str:
        count, least = len(_videos(place, settings["frame"])), settings["train_videos"] + 1
        return "" if count >= least else f"{count} videos with frame {settings['frame']}, expected {least} or more"

    why = reason("reds", folder, [], [], lacks)
    return why and (
        f"REDS is missing: {why}. Get train_sharp and val_sharp from {PAGE} (the author's copy: snah/REDS on "
        "Hugging Face, CC BY 4.0), set `adopt.reds` in site.yaml to the folder that holds them, unpacked or as archives, "
        "and run `python -m pipeline.adopt reds`."
    )


def _videos(root: Path, frame: int) -> dict[str, Path]:
    """Name → file of the frame, for every video; UserError when a video exists twice."""
    files = (file for file in scan(root, RULES) if file.kind == "HR" and int(file.key[4:]) == frame)
    return named(file._replace(key=f"{file.part.split}_{file.key[:3]}") for file in files)


def _frame(name: str, file: Path, root: Path) -> Frame:
    return Frame(name, file, image_size(file), file.relative_to(root).as_posix(), LICENCE)
