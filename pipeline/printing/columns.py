"""Lines of a terminal's table."""


def aligned(lines: list[list[str]], left: int) -> list[str]:
    """The lines with columns of one width, the first `left` of them to the left."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = [str.ljust] * left + [str.rjust] * (len(widths) - left)
    return ["  ".join(side(*cell) for side, *cell in zip(sides, line, widths, strict=True)) for line in lines]
