"""The numbers of a table one by one: where each stands, what must be printed there, what it follows from."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.printing.document import Document, Origin, Row

# Signs of the three verdicts, and what they mean.
HOLDS, FAILS, ABSENT = "✓", "✗", "○"
STATES = {HOLDS: "holds", FAILS: "fails", ABSENT: "not present"}


@dataclass
class Number:
    """One cell of a table. `place`: heading, section and row; `text`: what follows; `problems`: what speaks against it.

    `chain`: the receipts of the files that it is computed from.
    """

    place: tuple[str, ...]
    column: str
    text: str
    origin: "Origin | None"
    problems: list[str] = field(default_factory=list)
    chain: list[str] = field(default_factory=list)
    mark: str = HOLDS

    @property
    def where(self) -> str:
        """The whole place in words."""
        return " · ".join([*self.place, self.column])

    @property
    def files(self) -> list[str]:
        """The files that it is computed from, each once."""
        return list(dict.fromkeys(path for path, _ in self.origin.fields)) if self.origin else []

    @property
    def source(self) -> str:
        """What it follows from, in words; of many files one is named."""
        if self.origin is None:
            return "nothing was measured or printed"
        names, paths = list(dict.fromkeys(name for _, name in self.origin.fields)), self.files
        more = f" and {len(paths) - 2} more" if len(paths) > 2 else ""
        return f"{self.origin.how}: {', '.join(names)} in {', '.join(paths[:2])}{more}"

    def as_json(self) -> dict:
        """The number as data."""
        fields = [{"file": path, "field": name} for path, name in self.origin.fields]
        parts = {"where": self.where, "value": self.text, "how": self.origin.how, "fields": fields}
        return {**parts, "receipts": self.chain, "state": STATES[self.mark], "problems": self.problems}


@dataclass
class Checked:
    """A table looked into: its printed rows, and what is wrong beside its numbers."""

    target: str
    rows: list[list[Number]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def numbers(self) -> list[Number]:
        """Every printed number; a dash is none, unless it is typed over."""
        return [number for row in self.rows for number in row if number.origin or number.problems]

    @property
    def problems(self) -> list[str]:
        """Everything that is wrong, each once."""
        return list(dict.fromkeys([*(text for number in self.numbers for text in number.problems), *self.complaints]))

    def as_json(self) -> dict:
        """The table as data."""
        numbers = [number.as_json() for number in self.numbers if number.origin]
        return {"table": self.target, "problems": self.problems, "numbers": numbers}


def listed(document: "Document") -> list[list[Number]]:
    """The cells of a table, row by row as printed."""
    rows = []
    for panel in document.panels:
        groups = [group for group, width in panel.groups for _ in range(width)]
        heads = [f"{group} {column}" for group, column in zip(groups, panel.columns, strict=True)]
        for section in panel.sections:
            method = ""
            for row in section.rows:
                method = row.labels[0] or method
                place = (panel.heading, section.title, " ".join(filter(None, (method, *row.labels[1:]))))
                rows.append(_row(tuple(filter(None, place)), heads, row))
    return rows


def _row(place: tuple[str, ...], heads: list[str], row: "Row") -> list[Number]:
    cells = zip(heads, row.cells, strict=True)
    return [Number(place, head, f"{cell.text} {cell.small}".strip(), cell.origin) for head, cell in cells]
