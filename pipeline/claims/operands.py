"""What a check looks at: selected cells, set side by side column by column."""

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
        """The cells of a selector, its `at` filled in; {constant: name} is one cell without a place."""
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
        """A place in the words of the page, in the order in which the paper's table is read."""
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
        there = {field for cell in self.cells for field in cell.place}
        pinned = {field for field, value in self.selector.items() if not isinstance(value, list | dict)}
        return tuple(field for field in self.check.numbers.fields if field in there - pinned)

    @cached_property
    def steady(self) -> dict[str, str]:
        """Field -> the one value that all cells have in it; what a selector lists counts as varying."""
        first = self.cells[0].place
        listed = {field for field, value in self.selector.items() if isinstance(value, list | dict)}
        return {
            field: value
            for field, value in first.items()
            if field not in listed and all(cell.place.get(field) == value for cell in self.cells)
        }

    def place(self, cell: Cell) -> dict[str, str]:
        """What tells the cell apart from the others of the operand."""
        return {field: cell.place[field] for field in self.free if field in cell.place and field not in self.steady}

    def beside(self, cell: Cell, other: "Operand") -> list[Cell]:
        """Cells in the column of another operand's cell: equal in every field that both have free."""
        shared = [field for field in self.free if field in other.free and field in cell.place]
        return [mine for mine in self.cells if all(mine.place.get(field) == cell.place[field] for field in shared)]

    def one(self, cell: Cell, other: "Operand") -> Cell:
        """The one cell in that column; UserError when the selector leaves none or several."""
        found = self.beside(cell, other)
        if len(found) != 1:
            raise UserError(
                f"{self.check.where}: {dict(self.selector)} gives {len(found)} numbers beside {other.place(cell)}, "
                "expected one. Pin the fields that differ to one value each."
            )
        return found[0]

    def called(self, common: Mapping[str, object]) -> str:
        """The operand's name beside others: what its selector does not share with theirs."""
        label, words = self.check.numbers.label, []
        for field, wanted in self.selector.items():
            if common.get(field) != wanted and (field in self.steady or field == "method"):
                names, without = names_of(wanted)
                words.append(("all but " if without else "") + ", ".join(label(field, name) for name in names))
        return self.name or ", ".join(words) or "all rows"


def columns(operands: Sequence[Operand]) -> Iterator[tuple[dict[str, str], list[Cell]]]:
    """(place, one cell of each operand), for every cell of the operand that varies most."""
    leading = max(operands, key=lambda operand: len(operand.free))
    for cell in leading.cells:
        yield leading.place(cell), [cell if operand is leading else operand.one(cell, leading) for operand in operands]


def values(cells: Sequence[Cell]) -> list[Value]:
    """What the cells say, numbers or text."""
    return [cell.value for cell in cells]


def decimals(check: Check, cells: Sequence[Cell]) -> list[Decimal | None]:
    """What the cells say; UserError for text, with which nothing can be computed."""
    for cell in cells:
        if isinstance(cell.value, str):
            raise UserError(f"{check.where}: '{cell.value}' is text; this word computes with numbers only.")
    return values(cells)


def groups(operand: Operand, along: str | list[str]) -> list[list[Cell]]:
    """Cells that differ in one field, or in a list of fields, alone; UserError when the operand does not vary in it."""
    fields = [along] if isinstance(along, str) else along
    for field in fields:
        if field not in operand.free:
            raise UserError(
                f"{operand.check.where}: the selection does not vary in '{field}'; it varies in "
                f"{', '.join(operand.free) or 'nothing'}. Leave '{field}' out of the selector, or list its values."
            )
    found: dict[tuple, list[Cell]] = {}
    for cell in operand.cells:
        rest = tuple(value for field, value in operand.place(cell).items() if field not in fields)
        found.setdefault(rest, []).append(cell)
    return list(found.values())


def basis(operands: Sequence[Operand], joined: str) -> str:
    """What is compared, in words: what all operands share, then what each has for itself."""
    asked = [operand for operand in operands if operand.selector] or operands[:1]
    common = {f: value for f, value in asked[0].steady.items() if all(other.steady.get(f) == value for other in asked)}
    alike = {f: wanted for f, wanted in asked[0].selector.items() if all(o.selector.get(f) == wanted for o in asked)}
    names = [operand.called(alike) for operand in operands] if len(operands) > 1 else []
    return ": ".join(part for part in (operands[0].check.label(common), joined.join(names)) if part)
