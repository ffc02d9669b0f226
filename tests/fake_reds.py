"""A tiny tree with the layout and names of REDS: dead leaves that move past the camera, frame after frame."""

from pathlib import Path

from pipeline.datasets import deadleaves
from pipeline.images.rgb import write_png


def write_fake_reds(
    folder: Path, videos: int = 4, size: tuple[int, int] = (48, 64), frames: tuple[int, ...] = (23, 24, 25)
) -> Path:
    """`videos` videos, the last in val_sharp, the others in train_sharp, nested as after unzipping; returns `folder`."""
    for number in range(videos):
        scene = deadleaves.scene([11, number], 128, 1.0, 60.0, 3.0)
        part, video = ("val", 0) if number == videos - 1 else ("train", number)
        for frame in frames:
            shift = 2 * (frame - frames[0])
            place = folder / part / f"{part}_sharp" / f"{video:03d}"
            write_png(place / f"{frame:08d}.png", scene[shift : shift + size[0], : size[1]])
    return folder
