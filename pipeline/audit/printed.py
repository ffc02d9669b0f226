"""A table's files read as they lie here, LaTeX, HTML and CSV, and compared cell by cell with what follows."""

import csv
import difflib
import io
import math
import re
from collections.abc import Callable, Iterator

from pipeline.audit.cells import Number
from pipeline.printing import latex
from pipeline.printing.document import Document
from pipeline.tables.records import WHERE

HTML_ROW = 'scope="row"'
HTML_CELL = re.compile(r"<t[hd][^>]*>.*?</t[hd]>")
TAGS = re.compile(r"<[^>]+>")
SHOWN = 60  # characters of a long line around its first difference
CLOSE = 1e-9  # the last digits of a mean depend on the processor


def tex(path: str, text: str, expected: str, document: Document, rows: list[list[Number]]) -> list[str]:
    """Complaints of lines that are not rows; what is wrong in a cell goes to its number."""
    lines, places, start = expected.split("\n"), {}, 0
    printed = [row for panel in document.panels for section in panel.sections for row in section.rows]
    for row, numbers in zip(printed, rows, strict=True):
        start = lines.index(latex.row(row), start) + 1
        places[start - 1] = numbers
    return _compare(path, text, lines, places, lambda line: line.removesuffix(r" \\").split(" & "))


def html(path: str, text: str, expected: str, document: Document, rows: list[list[Number]]) -> list[str]:
    """The same for the HTML preview."""
    lines = expected.split("\n")
    places = dict(zip((index for index, line in enumerate(lines) if HTML_ROW in line), rows, strict=True))
    return _compare(path, text, lines, places, HTML_CELL.findall)


def _compare(
    path: str, text: str, lines: list[str], places: dict[int, list[Number]], split: Callable[[str], list[str]]
) -> list[str]:
    complaints = []
    for follows, printed, number in _aligned(lines, text.split("\n")):
        numbers, place = places.get(follows, []), f"{path}, line {number}"
        here, there = split(printed or ""), split(lines[follows]) if follows is not None else []
        if printed is None:
            what = " (the row of " + numbers[0].where + ")" if numbers else ""
            complaints.append(f"{place}: '{_short(lines[follows])}' is missing{what}")
        elif follows is None:
            complaints.append(f"{place}: '{_short(printed)}' does not follow from anything")
        elif not numbers or len(here) != len(there):
            was, now = _around(printed, lines[follows])
            complaints.append(f"{place}: printed '{was}', but '{now}' follows")
        else:
            labels = len(there) - len(numbers)
            for index, (was, now) in enumerate(zip(here, there, strict=True)):
                if was == now:
                    continue
                cell = numbers[index - labels] if index >= labels else None
                said = f"printed {_plain(was, now)}, but {_plain(now, was)} follows"
                if cell is None:
                    complaints.append(f"{place}, label of {numbers[0].where}: {said}")
                else:
                    cell.problems.append(f"{place}, {cell.where}: {said} ({cell.source})")
    return complaints


def _aligned(expected: list[str], printed: list[str]) -> Iterator[tuple[int | None, str | None, int]]:
    """(index of the expected line, printed line, its number) of every pair that differs; None for a missing half."""
    for kind, first, last, start, stop in difflib.SequenceMatcher(None, expected, printed, False).get_opcodes():
        if kind == "equal":
            continue
        shared = min(last - first, stop - start)
        yield from ((first + offset, printed[start + offset], start + offset + 1) for offset in range(shared))
        yield from ((index, None, stop) for index in range(first + shared, last))
        yield from ((None, printed[index], index + 1) for index in range(start + shared, stop))


def table_csv(path: str, text: str, expected: str, exact: bool) -> list[str]:
    """Complaints of a CSV. `exact`: to the last digit; else as two processors may differ, where a receipt vouches for it."""
    lines, printed = expected.splitlines(), text.splitlines()
    if text == expected:
        return []
    if len(lines) != len(printed) or lines[0] != printed[0] or any(map(_ragged, lines, printed)):
        return _compare(path, text, expected.split("\n"), {}, lambda line: [line])
    complaints = []
    pairs = zip(csv.DictReader(io.StringIO(text)), csv.DictReader(io.StringIO(expected)), strict=True)
    for number, (was, now) in enumerate(pairs, 2):
        place = f"{path}, line {number}, {', '.join(now[name] for name in WHERE[1:] if now[name])}"
        for name in (name for name in now if was[name] != now[name] and (exact or not _close(was[name], now[name]))):
            complaints.append(f"{place}: {name} {was[name] or '(empty)'} printed, but {now[name] or '(empty)'} follows")
            complaints[-1] += f" from {now['origin']}" if name != "origin" else ""
    # Equal values, other bytes: quotes or line ends.
    return complaints or ([f"{path}: is not spelled as the table's job spells it"] if exact else [])


def _ragged(line: str, other: str) -> bool:
    return len(next(csv.reader([line]), [])) != len(next(csv.reader([other]), []))


def _close(one: str, other: str) -> bool:
    try:
        return math.isclose(float(one), float(other), rel_tol=CLOSE, abs_tol=CLOSE)
    except ValueError:
        return False


def _plain(cell: str, other: str) -> str:
    """A cell without its marks, unless it differs from the other in its marks alone."""
    plain = [re.sub(r"\\(?:textbf|underline)\{([^{}]*)\}", r"\1", TAGS.sub("", text)) for text in (cell, other)]
    return plain[0].strip() if plain[0] != plain[1] else cell


def _around(one: str, other: str) -> tuple[str, str]:
    """Two long lines, cut around their first difference."""
    first = next((i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)
    start = max(0, first - SHOWN // 2)
    return tuple(("…" if start else "") + _short(text[start:]) for text in (one, other))


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
