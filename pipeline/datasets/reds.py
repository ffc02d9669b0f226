"""REDS (Nah et al., CVPRW 2019), frames of a video camera as a target without HR, from a folder of the user's.

Layout: `train_sharp` and `val_sharp` at any depth, in them one folder per video with frames `00000000.png` and on. Xu et
al. (CVPR 2022, section 4.3) take the original frames as LR, as their reductions are synthetic: 22 videos drawn at random
to train on, the others to test on; of each video their code reads frame 24 alone. Settings: `train_videos`, `seed` of the
draw, `frame`. Licence CC BY 4.0, as tagged on the authors' own copy.
"""

import random
from pathlib import Path
from typing import NamedTuple

from pipeline.datasets.folders import walk
from pipeline.errors import UserError
from pipeline.images.rgb import image_size

PARTS = ("train_sharp", "val_sharp")
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
    if reason := missing(settings, folder):
        raise UserError(reason)
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
    if folder is None:
        reason = "`adopt.reds` names no folder"
    elif not Path(folder).is_dir():
        reason = f"{folder} is not a folder"
    else:
        count, least = len(_videos(Path(folder), settings["frame"])), settings["train_videos"] + 1
        if count >= least:
            return None
        reason = f"{folder} holds {count} videos with frame {settings['frame']}, expected {least} or more"
    return (
        f"REDS is missing: {reason}. Get train_sharp and val_sharp from {PAGE} (the author's copy: snah/REDS on "
        "Hugging Face, CC BY 4.0), set `adopt.reds` in params.yaml to the folder that holds them, unpacked or as archives, "
        "and run `python -m pipeline.adopt reds`."
    )


def _videos(root: Path, frame: int) -> dict[str, Path]:
    """Name → file of the frame, for every video; UserError when a video exists twice."""
    files: dict[str, Path] = {}
    for place, inside, _ in walk(root):
        for part in (name for name in inside if name in PARTS):
            for file in sorted(Path(place, part).glob(f"*/{frame:08d}.png")):
                name = f"{part.partition('_')[0]}_{file.parent.name}"
                if name in files:
                    raise UserError(f"{file} and {files[name]}: the same video twice. Leave only one of the folders.")
                files[name] = file
    return files


def _frame(name: str, file: Path, root: Path) -> Frame:
    return Frame(name, file, image_size(file), file.relative_to(root).as_posix(), LICENCE)
