"""Sub-images: a large photograph cut into squares of one size, so that training reads small pieces.

The rule of BasicSR (`scripts/data_preparation/extract_subimages.py` at 8d56e3a): squares at every `stride` from the top
left; one more, aligned with the far border, where more than `threshold` pixels would be left over.
"""

from dataclasses import dataclass

from pipeline.errors import UserError
from pipeline.settings import build


@dataclass(frozen=True)
class Rule:
    """Side of a square, distance between squares, largest remainder that is dropped; all in HR pixels."""

    size: int
    stride: int
    threshold: int


def rule(settings: dict | None, scale: int) -> Rule | None:
    """The rule of `train.sub_images`, None for whole photographs; UserError unless it also fits the LR grid."""
    if settings is None:
        return None
    built = build(Rule, settings, "train.sub_images")
    for name in ("size", "stride"):
        value = getattr(built, name)
        if value < scale or value % scale:
            raise UserError(
                f"train.sub_images.{name}: {value} is not a multiple of the scale {scale}. Change params/domains.yaml."
            )
    return built


def starts(length: int, size: int, stride: int, threshold: int) -> list[int]:
    """First pixels of the squares along an axis; empty when the axis is shorter than `size`."""
    positions = list(range(0, length - size + 1, stride))
    if positions and length - (positions[-1] + size) > threshold:
        positions.append(length - size)
    return positions


def corners(height: int, width: int, rule: Rule, scale: int) -> list[tuple[int, int]]:
    """(top, left) in HR pixels, row by row, of a photograph whose sides are multiples of the scale.

    Computed on the LR grid, so that every corner is a multiple of the scale and LR and HR show the same area.
    """

    def along(length: int) -> list[int]:
        small = starts(length // scale, rule.size // scale, rule.stride // scale, rule.threshold // scale)
        return [scale * start for start in small]

    return [(top, left) for top in along(height) for left in along(width)]
