"""A printed table as data, from which LaTeX and HTML are made, so that all forms are equal."""

from dataclasses import dataclass, field

DASH = "–"
MINUS = "\N{MINUS SIGN}"
# Mean width of a character of 8 pt text as a share of a line of 160 mm, rounded up.
CHARACTER_SHARE = 0.0098


@dataclass(frozen=True)
class Origin:
    """Origin of a number: `how` it was computed, and the (file, dotted field) pairs that it was computed from."""

    how: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Cell:
    """One printed value; `small` follows it in smaller type; `best` and `second` are its marks; a dash has no origin."""

    text: str
    small: str = ""
    best: bool = False
    second: bool = False
    origin: Origin | None = None


@dataclass(frozen=True)
class Row:
    """One line: its labels and one cell per column; `gap` sets it off from the line above, `quiet` greys it."""

    labels: tuple[str, ...]
    cells: tuple[Cell, ...]
    gap: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Section:
    """Rows under one title (empty for none)."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Panel:
    """One ruled block: spanning heads (text, columns), column heads, sections of rows."""

    heading: str
    labels: tuple[str, ...]
    groups: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    sections: tuple[Section, ...]

    def __post_init__(self):
        if sum(width for _, width in self.groups) != len(self.columns):
            raise ValueError(f"panel '{self.heading}': groups {self.groups} do not span {len(self.columns)} columns")
        for row in (row for section in self.sections for row in section.rows):
            if len(row.labels) != len(self.labels) or len(row.cells) != len(self.columns):
                raise ValueError(f"panel '{self.heading}': row {row.labels} does not fill its columns")
            if not all(cell.text for cell in row.cells):
                raise ValueError(f"panel '{self.heading}': row {row.labels} has an empty cell")

    @property
    def lines(self) -> int:
        """Printed lines, for filling pages."""
        return 3 + bool(self.heading) + sum(bool(section.title) + len(section.rows) for section in self.sections)


@dataclass(frozen=True)
class Document:
    """A whole table: caption, panels from top to bottom, notes below."""

    name: str
    title: str
    caption: str
    simulated: bool
    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = field(default=())


def shares(document: Document) -> list[tuple[float, ...]]:
    """Per panel, the share of the table's width that each column takes; panels with the same heads line up."""
    lengths: dict[tuple, list[int]] = {}
    for panel in document.panels:
        widths = [len(text) for text in (*panel.labels, *panel.columns)]
        for row in (row for section in panel.sections for row in section.rows):
            texts = [*row.labels, *(cell.text + cell.small for cell in row.cells)]
            widths = [max(pair) for pair in zip(widths, map(len, texts), strict=True)]
        previous = lengths.get((panel.labels, panel.columns), widths)
        lengths[panel.labels, panel.columns] = [max(pair) for pair in zip(previous, widths, strict=True)]
    return [_shares(lengths[panel.labels, panel.columns], panel) for panel in document.panels]


def _shares(lengths: list[int], panel: Panel) -> tuple[float, ...]:
    """Labels get the width of their text; columns with equal heads get equal shares of the rest."""
    count = len(panel.labels)
    labels = [(length + 1) * CHARACTER_SHARE for length in lengths[:count]]
    widest: dict[str, int] = {}
    for head, length in zip(panel.columns, lengths[count:], strict=True):
        widest[head] = max(widest.get(head, 0), length)
    weights = [widest[head] + 2 for head in panel.columns]
    rest = 1 - sum(labels)
    return (*labels, *(rest * weight / sum(weights) for weight in weights))


def fixed(value: float, digits: int) -> str:
    """A number at printed precision, with a true minus and no minus zero."""
    return signed(value, digits).removeprefix("+")


def signed(value: float, digits: int) -> str:
    """A number at printed precision with its sign; no sign if it rounds to zero."""
    text = f"{value:+.{digits}f}"
    if float(text) == 0:
        return text[1:]
    return text.replace("-", MINUS)


def ranked(values: list[float | None], digits: int, better: str) -> list[tuple[bool, bool]]:
    """(best, second best) of each value at printed precision; ties are all marked; None is ignored."""
    rounded = [None if value is None else round(float(f"{value:.{digits}f}"), digits) for value in values]
    order = sorted({value for value in rounded if value is not None}, reverse=better == "higher")
    best, second = [*order, None, None][:2]
    return [(value is not None and value == best, value is not None and value == second) for value in rounded]


def aligned(lines: list[list[str]], left: int) -> list[str]:
    """The lines with columns of one width, the first `left` of them to the left."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = [str.ljust] * left + [str.rjust] * (len(widths) - left)
    return ["  ".join(side(*cell) for side, *cell in zip(sides, line, widths, strict=True)) for line in lines]
