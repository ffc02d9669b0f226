"""The vocabulary of claims: the keys of each word, and the judgement of words that compute nothing."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from pipeline.claims.numbers import Value, half_digit
from pipeline.claims.operands import Check, basis, columns, decimals, values
from pipeline.claims.quantities import QUANTITIES, lead, signed, spell
from pipeline.claims.verdicts import EXPECTATIONS, UNCHECKED, Line, Outcome, compared, outcome, rises
from pipeline.errors import UserError


def judge(check: Check) -> Outcome:
    """Carry out one check. UserError for an unknown word, and for an unknown or missing key of a word."""
    word = check.content.get("word")
    if word not in WORDS:
        raise UserError(f"{check.where}: '{word}' is not a word of the vocabulary; words are {', '.join(WORDS)}.")
    needed, optional = WORDS[word]
    given = set(check.content) - {"word", "at"}
    for key in sorted(needed - given):
        raise UserError(f"{check.where}: the word '{word}' needs '{key}'.")
    for key in sorted(given - needed - optional):
        allowed = ", ".join(sorted(needed | optional))
        raise UserError(f"{check.where}: '{key}' is not a key of the word '{word}', which takes {allowed}.")
    if word == "unchecked":
        return Outcome(UNCHECKED, str(check.content["reason"]), ())
    if word in QUANTITIES:
        return compared(check, *QUANTITIES[word][0](check))
    return JUDGING[word](check)


def _best(check: Check) -> Outcome:
    """`of` is the best of its column among `over`: alone, or level with others."""
    ties = _choice(check, "ties")
    basis_text, quantities = lead(check)
    lines = []
    for quantity in quantities:
        if quantity.value is None:
            lines.append(Line(check.label(quantity.place), quantity.text, "best", missing=True))
            continue
        fits, near = rises([(quantity.value, quantity.slack)], ties == "allowed")
        lines.append(Line(check.label(quantity.place), quantity.text, "best", fits, rounding=near))
    leads = [quantity.value for quantity in quantities if quantity.value is not None]
    first, level = sum(lead > 0 for lead in leads), sum(lead == 0 for lead in leads)
    summary = f"first alone in {first} of {len(quantities)}" + (f", level in {level}" if level else "")
    return replace(outcome(check, basis_text, lines), summary=summary)


def _order(check: Check) -> Outcome:
    """Every cell of the chain is better than the one before it, column by column."""
    chain = check.content["chain"]
    if not isinstance(chain, list) or len(chain) < 2:
        raise UserError(f"{check.where}: chain: expected a list of two selectors or more, worst first.")
    ties, operands = _choice(check, "ties"), [check.operand(selector) for selector in chain]
    lines = []
    for place, cells in columns(operands):
        numbers = decimals(check, cells)
        text = ", ".join(map(spell, numbers))
        if None in numbers:
            lines.append(Line(check.label(place), text, "the later better", missing=True))
            continue
        sign = check.numbers.sign(cells[0].place["metric"], check.where)
        pairs = itertools.pairwise(numbers)
        steps = [(sign * (after - before), half_digit(before) + half_digit(after)) for before, after in pairs]
        fits, near = rises(steps, ties == "allowed")
        change = f" ({signed(numbers[1] - numbers[0])})" if len(numbers) == 2 else ""
        lines.append(Line(check.label(place), text + change, "the later better", fits, rounding=near))
    return outcome(check, basis(operands, ", then "), lines)


def _same(check: Check) -> Outcome:
    """a and b are equal, column by column."""
    operands = [check.operand(check.content[name]) for name in ("a", "b")]
    lines = [_pair(check, place, *values(cells)) for place, cells in columns(operands)]
    return outcome(check, basis(operands, " and "), lines)


def _distinct(check: Check) -> Outcome:
    """a and b differ in at least one column; single columns are not judged."""
    operands = [check.operand(check.content[name]) for name in ("a", "b")]
    lines = [_pair(check, place, *values(cells)) for place, cells in columns(operands)]
    coincide = all(line.fits for line in lines)
    if not any(line.missing for line in lines):
        lines = [
            replace(line, printed="different", fits=None if line.fits and not coincide else not line.fits)
            for line in lines
        ]
    equal = sum(line.text.endswith("equal") for line in lines)
    return replace(outcome(check, basis(operands, " and "), lines), summary=f"{equal} of {len(lines)} equal")


def _pair(check: Check, place: Mapping[str, str], first: Value, second: Value) -> Line:
    text = f"{spell(first)} and {spell(second)}"
    if first is None or second is None:
        return Line(check.label(place), text, "equal", missing=True)
    if first == second:
        return Line(check.label(place), f"{text}, equal", "equal", True)
    apart = isinstance(first, Decimal) and isinstance(second, Decimal)
    return Line(check.label(place), f"{text} ({signed(first - second)})" if apart else text, "equal", False)


def _choice(check: Check, key: str) -> str:
    if check.content[key] not in ("allowed", "refused"):
        raise UserError(f"{check.where}: {key}: '{check.content[key]}' is not one of allowed, refused.")
    return check.content[key]


COUNTED = {"in"}
EXPECTED = frozenset(EXPECTATIONS | COUNTED | {"reduce"})
JUDGING: dict[str, Callable[[Check], Outcome]] = {"best": _best, "order": _order, "same": _same, "distinct": _distinct}
WORDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    **{word: (needed, EXPECTED) for word, (_, needed) in QUANTITIES.items()},
    "best": (frozenset({"of", "over", "ties"}), frozenset(COUNTED)),
    "order": (frozenset({"chain", "ties"}), frozenset(COUNTED)),
    "same": (frozenset({"a", "b"}), frozenset(COUNTED)),
    "distinct": (frozenset({"a", "b"}), frozenset()),
    "unchecked": (frozenset({"reason"}), frozenset()),
}
