"""Operands of a check: selected cells, matched column by column."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from pipeline.claims.numbers import Cell, Numbers, Value, names_of
from pipeline.errors import UserError


@dataclass(frozen=True)
class Check:
    """One check of a claim; `where` names file and claim in messages."""

    numbers: Numbers
    constants: Mapping[str, Mapping]
    content: Mapping
    where: str

    def operand(self, selector) -> "Operand":
        """The cells of a selector combined with the check's `at`; {constant: name} gives one cell without a place."""
        if not isinstance(selector, dict) or not selector:
            raise UserError(f"{self.where}: expected a selector such as {{method: …, metric: …}}, got {selector!r}.")
        if "constant" in selector:
            name = selector["constant"]
            if name not in self.constants:
                known = ", ".join(self.constants) or "none"
                raise UserError(f"{self.where}: constant '{name}' is not one of the file's constants ({known}).")
            return Operand(self, {}, [Cell({}, self.constants[name]["value"])], self.constants[name]["label"])
        at = self.content.get("at", {})
        if not isinstance(at, dict):
            raise UserError(f"{self.where}: at: expected fields with their values, got {at!r}.")
        whole = {**at, **selector}
        return Operand(self, whole, self.numbers.select(whole, self.where))

    def label(self, place: Mapping[str, str]) -> str:
        """Labels of a place, in the order of the fields in the paper's table."""
        fields = [field for field in self.numbers.fields if field in place]
        return ", ".join(self.numbers.label(field, place[field]) for field in fields)


@dataclass(frozen=True)
class Operand:
    """Selected cells. `free`: the fields that tell them apart, all but those that the selector pins to one value."""

    check: Check
    selector: Mapping
    cells: list[Cell]
    name: str = ""

    @cached_property
    def free(self) -> tuple[str, ...]:
        fields = {field for cell in self.cells for field in cell.place}
        pinned = {field for field, value in self.selector.items() if not isinstance(value, list | dict)}
        return tuple(field for field in self.check.numbers.fields if field in fields - pinned)

    @cached_property
    def steady(self) -> dict[str, str]:
        """Field -> the value that all cells share; fields with a list in the selector count as varying."""
        first = self.cells[0].place
        listed = {field for field, value in self.selector.items() if isinstance(value, list | dict)}
        return {
            field: value
            for field, value in first.items()
            if field not in listed and all(cell.place.get(field) == value for cell in self.cells)
        }

    def place(self, cell: Cell) -> dict[str, str]:
        """Fields and values that distinguish the cell from the others of the operand."""
        return {field: cell.place[field] for field in self.free if field in cell.place and field not in self.steady}

    def in_column(self, cell: Cell, other: "Operand") -> list[Cell]:
        """Own cells in the column of another operand's `cell`: equal in every field that both leave free."""
        shared = [field for field in self.free if field in other.free and field in cell.place]
        return [mine for mine in self.cells if all(mine.place.get(field) == cell.place[field] for field in shared)]

    def match(self, cell: Cell, other: "Operand") -> Cell:
        """The only own cell in that column; UserError when there are none or several."""
        cells = self.in_column(cell, other)
        if len(cells) != 1:
            raise UserError(
                f"{self.check.where}: {dict(self.selector)} gives {len(cells)} numbers beside {other.place(cell)}, "
                "expected one. Pin the fields that differ to one value each."
            )
        return cells[0]

    def name_among(self, common: Mapping[str, object]) -> str:
        """Name of the operand among others: the part of its selector that is not `common`."""
        label, words = self.check.numbers.label, []
        for field, value in self.selector.items():
            if common.get(field) != value and (field in self.steady or field == "method"):
                names, without = names_of(value)
                words.append(("all but " if without else "") + ", ".join(label(field, name) for name in names))
        return self.name or ", ".join(words) or "all rows"


def columns(operands: Sequence[Operand]) -> Iterator[tuple[dict[str, str], list[Cell]]]:
    """(place, one cell of each operand), for every cell of the operand that varies most."""
    leading = max(operands, key=lambda operand: len(operand.free))
    for cell in leading.cells:
        yield (
            leading.place(cell),
            [cell if operand is leading else operand.match(cell, leading) for operand in operands],
        )


def values(cells: Sequence[Cell]) -> list[Value]:
    """Values of the cells, numbers or text."""
    return [cell.value for cell in cells]


def decimals(check: Check, cells: Sequence[Cell]) -> list[Decimal | None]:
    """Values of the cells; UserError for text."""
    for cell in cells:
        if isinstance(cell.value, str):
            raise UserError(f"{check.where}: '{cell.value}' is text; this word computes with numbers only.")
    return values(cells)


def groups(operand: Operand, along: str | list[str]) -> list[list[Cell]]:
    """Groups of cells that differ only in the fields `along`; UserError when the operand does not vary in one of them."""
    fields = [along] if isinstance(along, str) else along
    for field in fields:
        if field not in operand.free:
            raise UserError(
                f"{operand.check.where}: the selection does not vary in '{field}'; it varies in "
                f"{', '.join(operand.free) or 'nothing'}. Leave '{field}' out of the selector, or list its values."
            )
    grouped: dict[tuple, list[Cell]] = {}
    for cell in operand.cells:
        rest = tuple(value for field, value in operand.place(cell).items() if field not in fields)
        grouped.setdefault(rest, []).append(cell)
    return list(grouped.values())


def basis(operands: Sequence[Operand], joined: str) -> str:
    """Text of what is compared: the values that all operands share, then the name of each."""
    cases = [operand for operand in operands if operand.selector] or operands[:1]
    common = {f: value for f, value in cases[0].steady.items() if all(other.steady.get(f) == value for other in cases)}
    alike = {f: value for f, value in cases[0].selector.items() if all(o.selector.get(f) == value for o in cases)}
    names = [operand.name_among(alike) for operand in operands] if len(operands) > 1 else []
    return ": ".join(part for part in (operands[0].check.label(common), joined.join(names)) if part)
