"""A paper's printed numbers as one list of cells, exactly as they are spelled: decimals, never floats."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import yaml

from pipeline.errors import UserError

Value = Decimal | str | None


@dataclass(frozen=True)
class Cell:
    """One printed value; `place` says where: table, method, … and `metric`. None: printed as a dash, or not obtained."""

    place: Mapping[str, str]
    value: Value


def load(path: Path) -> dict:
    """A YAML file with every number as the decimal that its digits spell and keys as text.

    UserError names the line of a number that is none, or of a key that stands twice, which YAML would swallow.
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
        found = {}
        for key, value in node.value:
            if key.value in found:
                raise UserError(f"{path}, line {key.start_mark.line + 1}: '{key.value}' stands twice in one block.")
            found[key.value] = _plain(value, path)
        return found
    return _scalar(node, path)


class Numbers:
    """The cells of one paper, with the direction in which each metric is better and the names that people read."""

    def __init__(self, path: Path):
        """Read `data/reported/<paper>.yaml`; UserError for a block that is not as its `levels` say."""
        content = load(path)
        lacking = [name for name in ("source", "short", "metrics", "tables", "labels") if name not in content]
        if lacking:
            raise UserError(f"{path}: no {', '.join(lacking)}; see docs/paper-lint.md for the blocks of such a file.")
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
                    raise UserError(f"{path}: tables names the block '{table['block']}', which is not there.")
                node = node[name]
            fixed = {name: _text(value) for name, value in table.get("with", {}).items()}
            self._collect(node, list(table["levels"]), fixed, table["block"])
        self.fields = list(dict.fromkeys(field for cell in self.cells for field in cell.place))

    def _collect(self, node, levels: list[str], place: dict[str, str], block: str) -> None:
        if isinstance(node, list):
            for row in node:
                here = place | {level: _text(row[level]) for level in levels if level in row}
                self._collect({key: value for key, value in row.items() if key not in levels}, [], here, block)
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
        """Cells that fit: field -> value, list of values, or {not: …}; UserError when a name is unknown or nothing fits."""
        found = self.cells
        for field, wanted in selector.items():
            if field not in self.fields:
                raise UserError(f"{where}: '{field}' is no field of {self.path}; fields are {', '.join(self.fields)}.")
            if isinstance(wanted, dict) and set(wanted) != {"not"}:
                raise UserError(f"{where}: {field}: expected a value, a list of values, or {{not: …}}, got {wanted}.")
            known = list(dict.fromkeys(cell.place[field] for cell in self.cells if field in cell.place))
            names, without = names_of(wanted)
            for name in names:
                if name not in known:
                    raise UserError(f"{where}: {field} '{name}' is not in {self.path}; it has {', '.join(known)}.")
            found = [cell for cell in found if field in cell.place and (cell.place[field] in names) != without]
        for field, wanted in selector.items():
            names, without = names_of(wanted)
            for name in () if without and found else names:
                if not any(cell.place[field] == name for cell in found):
                    raise UserError(f"{where}: no number of {self.path} fits {dict(selector)} with {field} '{name}'.")
        # In the order in which a list names them, so that figures read like the sentence they belong to.
        for field, wanted in reversed(list(selector.items())):
            names, without = names_of(wanted)
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
            raise UserError(f"{where}: metric '{metric}' of {self.path} has no direction in which it is better.")
        return 1 if better == "higher" else -1


def names_of(wanted) -> tuple[list[str], bool]:
    """The names in one entry of a selector, and whether it excludes them."""
    without = isinstance(wanted, dict)
    if without:
        wanted = wanted["not"]
    return [_text(name) for name in (wanted if isinstance(wanted, list) else [wanted])], without


def half_digit(value: Decimal) -> Decimal:
    """Half a unit of the last digit that is spelled: how far a rounded number may be from what was rounded."""
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
