"""A paper's printed numbers as a list of cells, exactly as printed: decimals, never floats."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import yaml

from pipeline.errors import UserError

Value = Decimal | str | None


@dataclass(frozen=True)
class Cell:
    """One printed value; `place`: field -> name, for table, method, … and `metric`. None: a dash, or not obtained."""

    place: Mapping[str, str]
    value: Value


def load(path: Path) -> dict:
    """Read a YAML file, with every number as the decimal of its digits and every key as text.

    UserError names the line of an invalid number, or of a duplicate key, which YAML would silently accept.
    """
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file. Every name in `papers` of params.yaml needs one.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML ({error}).") from error
    content = _plain(node, path) if node else None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected named blocks, see docs/paper-lint.md.")
    return content


def _plain(node: yaml.Node, path: Path):
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, path) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        block = {}
        for key, value in node.value:
            if key.value in block:
                raise UserError(f"{path}, line {key.start_mark.line + 1}: '{key.value}' is given twice in one block.")
            block[key.value] = _plain(value, path)
        return block
    return _scalar(node, path)


class Numbers:
    """The cells of one paper, the direction in which each metric is better, and the labels of names."""

    def __init__(self, path: Path):
        """Read `data/reported/<paper>.yaml`; UserError for a block whose depth is not that of its `levels`."""
        content = load(path)
        missing = [name for name in ("source", "short", "metrics", "tables", "labels") if name not in content]
        if missing:
            raise UserError(f"{path}: no {', '.join(missing)}; see docs/paper-lint.md for the blocks of such a file.")
        self.path, self.source, self.short = path, content["source"], content["short"]
        self.metrics, self.labels = content["metrics"], content["labels"]
        for name, metric in self.metrics.items():
            if not isinstance(metric, dict) or set(metric) != {"label", "better", "unit"}:
                raise UserError(f"{path}: metrics.{name}: expected {{label: …, better: …, unit: …}}, got {metric!r}.")
        self.cells: list[Cell] = []
        for table in content["tables"]:
            if not isinstance(table, dict) or not {"block", "levels"} <= set(table) <= {"block", "levels", "with"}:
                raise UserError(f"{path}: tables: expected {{block: …, levels: […], with: {{…}}}}, got {table!r}.")
            node = content
            for name in table["block"].split("."):
                if not isinstance(node, dict) or name not in node:
                    raise UserError(f"{path}: tables names the block '{table['block']}', which is missing.")
                node = node[name]
            fixed = {name: _text(value) for name, value in table.get("with", {}).items()}
            self._collect(node, list(table["levels"]), fixed, table["block"])
        self.fields = list(dict.fromkeys(field for cell in self.cells for field in cell.place))

    def _collect(self, node, levels: list[str], place: dict[str, str], block: str) -> None:
        if isinstance(node, list):
            for row in node:
                row_place = place | {level: _text(row[level]) for level in levels if level in row}
                self._collect({key: value for key, value in row.items() if key not in levels}, [], row_place, block)
            return
        if not isinstance(node, dict):
            raise UserError(f"{self.path}: block {block} is not as deep as its levels say, at {place}.")
        for key, value in node.items():
            if levels:
                self._collect(value, levels[1:], place | {levels[0]: key}, block)
            elif key not in self.metrics:
                raise UserError(
                    f"{self.path}: block {block}: '{key}' at {place} is not one of metrics {', '.join(self.metrics)}."
                )
            else:
                self.cells.append(Cell(place | {"metric": key}, value))

    def select(self, selector: Mapping, where: str) -> list[Cell]:
        """Cells selected by field -> value, list of values, or {not: …}; UserError for an unknown name or an empty selection."""
        found = self.cells
        for field, value in selector.items():
            if field not in self.fields:
                raise UserError(f"{where}: '{field}' is no field of {self.path}; fields are {', '.join(self.fields)}.")
            if isinstance(value, dict) and set(value) != {"not"}:
                raise UserError(f"{where}: {field}: expected a value, a list of values, or {{not: …}}, got {value}.")
            known = list(dict.fromkeys(cell.place[field] for cell in self.cells if field in cell.place))
            names, without = names_of(value)
            for name in names:
                if name not in known:
                    raise UserError(f"{where}: {field} '{name}' is not in {self.path}; it has {', '.join(known)}.")
            found = [cell for cell in found if field in cell.place and (cell.place[field] in names) != without]
        for field, value in selector.items():
            names, without = names_of(value)
            for name in () if without and found else names:
                if not any(cell.place[field] == name for cell in found):
                    raise UserError(f"{where}: no number of {self.path} fits {dict(selector)} with {field} '{name}'.")
        # In the order of the list in the selector, so that figures read like the sentence they belong to.
        for field, value in reversed(list(selector.items())):
            names, without = names_of(value)
            if not without:
                found = sorted(found, key=lambda cell, field=field, names=names: names.index(cell.place[field]))
        return found

    def label(self, field: str, value: str) -> str:
        """How a value of a field is printed."""
        if field == "metric":
            return self.metrics[value]["label"]
        return self.labels.get(field, {}).get(value, value)

    def sign(self, metric: str, where: str) -> int:
        """+1 where higher is better, -1 where lower is; UserError for a metric without a direction."""
        better = self.metrics[metric]["better"]
        if better not in ("higher", "lower"):
            raise UserError(f"{where}: metric '{metric}' of {self.path} has no direction `better`: higher or lower.")
        return 1 if better == "higher" else -1


def names_of(value) -> tuple[list[str], bool]:
    """The names in one entry of a selector, and whether it excludes them."""
    without = isinstance(value, dict)
    if without:
        value = value["not"]
    return [_text(name) for name in (value if isinstance(value, list) else [value])], without


def half_digit(value: Decimal) -> Decimal:
    """Half a unit of the last printed digit: the largest difference between a number and its printed value."""
    return Decimal(5).scaleb(int(value.as_tuple().exponent) - 1)


def _text(value) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _scalar(node: yaml.Node, path: Path) -> Value:
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return "no" if node.value.lower() in ("no", "false", "off") else "yes"
    if kind not in ("int", "float"):
        return node.value
    try:
        return Decimal(node.value)
    except InvalidOperation as error:
        raise UserError(
            f"{path}, line {node.start_mark.line + 1}: {node.value} is not a plain decimal number."
        ) from error
