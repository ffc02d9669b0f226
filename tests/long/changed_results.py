"""Single random changes to what jobs have written: weights, images, metrics, tables, receipts.

What a change must be called follows from the change itself, not from the pipeline's own judgement.
"""

import csv
import io
import json
import random
import re
from collections.abc import Callable

import numpy as np

from tests.long import mutated_settings
from tests.long.workshop import Made, Workshop

PARTS = ("key", "inputs", "outputs", "run", "seal")
ROWS = ("Bicubic", "Source Only", "DADA", "Target Only", "Panasonic", "Sony")


def byte(paths: str) -> Callable[[Workshop], Made]:
    """One bit of a binary file."""

    def change(shop: Workshop) -> Made:
        path = shop.chance.choice(getattr(shop, paths))
        data = bytearray(shop.read(path))
        data[shop.chance.randrange(len(data))] ^= 1 << shop.chance.randrange(8)
        return {path: bytes(data)}, (path,)

    return change


def digit(shop: Workshop, text: str, within: range | None = None) -> tuple[str, int] | None:
    """A text with one digit typed over, and the digit's place."""
    places = [index for index in within or range(len(text)) if text[index] in "0123456789"]
    if not places:
        return None
    place = shop.chance.choice(places)
    other = shop.chance.choice([number for number in "0123456789" if number != text[place]])
    return text[:place] + other + text[place + 1 :], place


def digit_of(paths: str) -> Callable[[Workshop], Made]:
    """One digit of a text file that is no table."""

    def change(shop: Workshop) -> Made:
        path = shop.chance.choice(getattr(shop, paths))
        made = digit(shop, shop.text(path))
        return made and ({path: made[0].encode()}, (path,))

    return change


def metrics_value(shop: Workshop) -> Made:
    """One digit of a per-image value or a mean: named by the metric whose mean no longer follows."""
    path = shop.chance.choice(shop.metrics)
    text = shop.text(path)
    made = digit(shop, text)
    if made is None:
        return None
    try:
        before, after = json.loads(text), json.loads(made[0])
    except ValueError:
        return None
    values = [(row, after["images"][name]) for name, row in before["images"].items()]
    for then, now in [*values, (before["mean"], after["mean"])]:
        for metric, value in then.items():
            if value != now.get(metric):
                follows = float(np.mean([row[metric] for row in after["images"].values()]))
                # The last digit of a value may be lost in the mean; its file is named all the same.
                place = (f"mean.{metric}",) if follows != after["mean"][metric] else ()
                return {path: made[0].encode()}, (path, *place)
    return None


def row_digit(form: str) -> Callable[[Workshop], Made]:
    """A digit of a number that stands in a row of the table as LaTeX or HTML: named by line, row, both values."""

    def change(shop: Workshop) -> Made:
        path = f"{shop.chance.choice(shop.tables)}.{form}"
        text = shop.text(path)
        label = r'^<tr[^>]*><th class="label" scope="row">' if form == "html" else "^"
        lines = [m for row in ROWS for m in re.finditer(f"{label}({row}[^<&]*?)( &|</th>).*$", text, re.M)]
        line = shop.chance.choice([match for match in lines if re.search(r"\d\.\d", match[0])])
        numbers = [m for m in re.finditer(r"\d+\.\d+", text) if line.start() <= m.start() < line.end()]
        number = shop.chance.choice(numbers)
        changed, place = digit(shop, text, range(*number.span()))
        new = changed[number.start() : number.end()]
        where = f"{path}, line {text[:place].count(chr(10)) + 1}"
        return {path: changed.encode()}, (where, line[1].replace(r"$\rightarrow$", "→").strip(), number[0], new)

    return change


def any_digit(form: str) -> Callable[[Workshop], Made]:
    """A digit anywhere in a printed table: caption, notes, widths, numbers."""

    def change(shop: Workshop) -> Made:
        path = f"{shop.chance.choice(shop.tables)}.{form}"
        changed, place = digit(shop, shop.text(path))
        return {path: changed.encode()}, (f"{path}, line {changed[:place].count(chr(10)) + 1}",)

    return change


def csv_value(shop: Workshop) -> Made:
    """A digit in one field of the table's CSV: named by line and column."""
    path = f"{shop.chance.choice(shop.tables)}.csv"
    text = shop.text(path)
    changed, _ = digit(shop, text, range(text.index("\n"), len(text)))
    pair = [list(csv.DictReader(io.StringIO(form))) for form in (text, changed)]
    number, column = next(
        (i, name) for i, (a, b) in enumerate(zip(*pair, strict=True)) for name in a if a[name] != b[name]
    )
    return {path: changed.encode()}, (f"{path}, line {number + 2}", column, pair[0][number]["method"])


def line_of(shop: Workshop) -> Made:
    """A line of a table, manifest or history taken out or written twice."""
    path = shop.chance.choice([*(f"{t}.{f}" for t in shop.tables for f in ("tex", "csv", "html")), *shop.manifests])
    lines = shop.text(path).splitlines(keepends=True)
    place = shop.chance.randrange(len(lines))
    lines[place : place + 1] = shop.chance.choice([[], [lines[place]] * 2])
    return {path: "".join(lines).encode()}, (path,)


def bold(shop: Workshop) -> Made:
    """The mark of the best moved to another number of the table."""
    path = f"{shop.chance.choice(shop.tables)}.tex"
    text = shop.text(path)
    marked = shop.chance.choice(list(re.finditer(r"\\textbf\{(\d+\.\d+|\\underline\{\d+\.\d+\})\}", text)))
    without = text[: marked.start()] + marked[1] + text[marked.end() :]
    plain = [m for m in re.finditer(r"(?<=& )\d+\.\d+(?= )", without) if m[0] != marked[1]]
    other = shop.chance.choice(plain)
    moved = without[: other.start()] + rf"\textbf{{{other[0]}}}" + without[other.end() :]
    return {path: moved.encode()}, (f"{path}, line {text[: marked.start()].count(chr(10)) + 1}", marked[0], other[0])


def receipt_leaf(shop: Workshop) -> Made:
    """Any value in any part of a receipt."""
    path = shop.chance.choice(shop.receipts)
    content = json.loads(shop.read(path))
    part = shop.chance.choice([part for part in PARTS if content[part]])
    place, value = shop.chance.choice(list(mutated_settings.leaves(content[part], (part,))))
    mutated_settings.put(content, place, another(shop.chance, value))
    return {path: json.dumps(content, indent=1).encode()}, (path,)


def another(chance: random.Random, value: object) -> object:
    """A different value of the same type, for places where any will do."""
    if isinstance(value, bool) or value is None:
        return value is not True
    if isinstance(value, int | float):
        return value + 1
    place = chance.randrange(len(value) + 1)
    letters = [letter for letter in "0123456789abcdef/" if letter != value[place : place + 1]]
    return value[:place] + chance.choice(letters) + value[place + 1 :]


def swapped(*groups: str) -> Callable[[Workshop], Made]:
    """Two files of one kind, each under the other's name."""

    def change(shop: Workshop) -> Made:
        one, other = shop.chance.sample(getattr(shop, shop.chance.choice(groups)), 2)
        if shop.read(one) == shop.read(other):
            return None
        return {one: shop.read(other), other: shop.read(one)}, (one, other)

    return change


def replaced(*groups: str) -> Callable[[Workshop], Made]:
    """A file overwritten by that of another run."""

    def change(shop: Workshop) -> Made:
        one, other = shop.chance.sample(getattr(shop, shop.chance.choice(groups)), 2)
        return None if shop.read(one) == shop.read(other) else ({one: shop.read(other)}, (one,))

    return change


def removed(shop: Workshop) -> Made:
    """A file that git keeps."""
    kept = [
        shop.metrics,
        shop.histories,
        shop.manifests,
        shop.receipts,
        [f"{t}.{f}" for t in shop.tables for f in ("tex", "csv")],
    ]
    path = shop.chance.choice(shop.chance.choice(kept))
    return {path: None}, (path,)
