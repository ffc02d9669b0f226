"""Compare computed values with printed values, bounds or trends, and give the verdict."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from pipeline.claims.numbers import half_digit
from pipeline.claims.operands import Check
from pipeline.claims.quantities import Quantity, spell
from pipeline.errors import UserError

CONTRADICTED, UNCHECKED, HOLDS, FIGURES = "contradicted", "cannot be checked", "holds", "figures only"
BOUNDS: dict[str, tuple[str, Callable[[Decimal, Decimal], bool]]] = {
    "at_least": ("at least", lambda found, bound: found >= bound),
    "at_most": ("at most", lambda found, bound: found <= bound),
    "above": ("above", lambda found, bound: found > bound),
    "below": ("below", lambda found, bound: found < bound),
}
EXPECTATIONS = {"printed", "trend", *BOUNDS}


@dataclass(frozen=True)
class Line:
    """One computation: place, text, what the paper says, whether it fits (None: nothing to compare, or not printed).

    `rounding`: it does not fit, but the numbers before rounding may.
    """

    place: str
    text: str
    printed: str = ""
    fits: bool | None = None
    missing: bool = False
    rounding: bool = False


@dataclass(frozen=True)
class Outcome:
    """Result of one check. `basis`: what it compared; `summary`: how many lines fit, empty for a single one."""

    verdict: str
    basis: str
    lines: tuple[Line, ...]
    summary: str = ""


def compared(check: Check, basis: str, quantities: list[Quantity]) -> Outcome:
    """Verdict on computed values compared with printed ones, a bound or a trend; without any of these they are only shown."""
    expected = sorted(EXPECTATIONS & set(check.content))
    if len(expected) > 1:
        raise UserError(f"{check.where}: only one of {', '.join(expected)} is allowed. Write two checks.")
    text = next((quantity.value for quantity in quantities if isinstance(quantity.value, str)), None)
    if text is not None and ("reduce" in check.content or expected not in ([], ["printed"])):
        raise UserError(f"{check.where}: '{text}' is text; it can be shown or compared with `printed`, nothing else.")
    if "reduce" in check.content:
        quantities = [_reduced(check, quantities)]
    if not expected:
        return outcome(check, basis, [Line(check.label(q.place), q.text, missing=q.value is None) for q in quantities])
    if expected == ["trend"]:
        return outcome(check, basis, _trends(check, quantities))
    if expected == ["printed"]:
        return outcome(
            check, basis, [_against(check, quantity, printed) for quantity, printed in _printed(check, quantities)]
        )
    words, fits = BOUNDS[expected[0]]
    bound = check.content[expected[0]]
    if not isinstance(bound, Decimal):
        raise UserError(f"{check.where}: {expected[0]}: {bound!r} is not a number.")
    lines = [
        Line(check.label(q.place), q.text, f"{words} {spell(bound)}", None if q.value is None else fits(q.value, bound))
        for q in quantities
    ]
    return outcome(check, basis, [replace(line, missing=line.fits is None) for line in lines])


def _reduced(check: Check, quantities: list[Quantity]) -> Quantity:
    choose = {"max": max, "min": min}.get(str(check.content["reduce"]))
    if choose is None:
        raise UserError(f"{check.where}: reduce: '{check.content['reduce']}' is not one of max, min.")
    listed = ", ".join(f"{spell(q.value)} ({check.label(q.place)})" for q in quantities)
    if any(quantity.value is None for quantity in quantities):
        return Quantity({}, listed, None)
    extreme = choose(quantities, key=lambda quantity: quantity.value)
    return Quantity({}, f"{check.content['reduce']} {spell(extreme.value)} of {listed}", extreme.value, extreme.slack)


def _printed(check: Check, quantities: list[Quantity]) -> Iterable[tuple[Quantity, object]]:
    """(quantity, printed value): one printed value for all, or one per name of the field that varies."""
    printed = check.content["printed"]
    if not isinstance(printed, dict):
        return [(quantity, printed) for quantity in quantities]
    fields = {field for quantity in quantities for field in quantity.place}
    if len(fields) != 1:
        raise UserError(
            f"{check.where}: printed by name needs one field that varies, here {sorted(fields) or 'none'} do."
        )
    names = [next(iter(quantity.place.values())) for quantity in quantities]
    if sorted(names) != sorted(printed):
        raise UserError(f"{check.where}: printed names {', '.join(printed)}; the selection has {', '.join(names)}.")
    return [(quantity, printed[name]) for quantity, name in zip(quantities, names, strict=True)]


def _against(check: Check, quantity: Quantity, printed) -> Line:
    """A line that fits if the value rounds to the printed one."""
    place = check.label(quantity.place)
    if quantity.value is None:
        return Line(place, quantity.text, spell(printed), None, missing=True)
    if isinstance(quantity.value, Decimal) != isinstance(printed, Decimal):
        raise UserError(f"{check.where}: printed: {spell(printed)} cannot be compared with {spell(quantity.value)}.")
    if not isinstance(printed, Decimal):
        return Line(place, quantity.text, spell(printed), quantity.value == printed)
    apart, digit = abs(quantity.value - printed), half_digit(printed)
    fits = apart <= digit
    near = not fits and bool(quantity.slack) and apart <= digit + quantity.slack
    return Line(place, quantity.text, spell(printed), fits, rounding=near)


def _trends(check: Check, quantities: list[Quantity]) -> list[Line]:
    trend = check.content["trend"]
    if not isinstance(trend, dict) or set(trend) != {"along", "is"} or trend["is"] not in ("rising", "falling"):
        raise UserError(f"{check.where}: trend: expected {{along: field, is: rising or falling}}, got {trend!r}.")
    along, sign = trend["along"], 1 if trend["is"] == "rising" else -1
    label, lines = check.numbers.label, []
    series: dict[tuple, list[Quantity]] = {}
    for quantity in quantities:
        if along not in quantity.place:
            raise UserError(f"{check.where}: trend along '{along}': the selection does not vary in it.")
        rest = tuple((field, name) for field, name in quantity.place.items() if field != along)
        series.setdefault(rest, []).append(quantity)
    for rest, group in series.items():
        text = ", ".join(f"{spell(q.value)} ({label(along, q.place[along])})" for q in group)
        if len(group) < 2:
            raise UserError(f"{check.where}: trend along '{along}': only one value, at {text}.")
        if any(q.value is None for q in group):
            lines.append(Line(check.label(dict(rest)), text, trend["is"], missing=True))
            continue
        steps = [(sign * (b.value - a.value), a.slack + b.slack) for a, b in itertools.pairwise(group)]
        fits, near = rises(steps, ties=False)
        lines.append(Line(check.label(dict(rest)), text, trend["is"], fits, rounding=near))
    return lines


def rises(steps: Iterable[tuple[Decimal, Decimal]], ties: bool) -> tuple[bool, bool]:
    """(whether every step (size, slack) goes up, or stays level if `ties`; if not, whether rounding may explain it)."""
    steps = list(steps)
    fits = all(step > 0 or (ties and step == 0) for step, _ in steps)
    return fits, not fits and all(step > -slack for step, slack in steps)


def outcome(check: Check, basis: str, lines: list[Line]) -> Outcome:
    """Verdict of all lines; `in` of the check says how many must fit: all (default), most, or a number."""
    if not lines:
        raise UserError(f"{check.where}: the selection leaves nothing to compare; it needs two cells or more.")
    claim = check.content.get("in", "all")
    needed = {"all": len(lines), "most": len(lines) // 2 + 1}.get(claim, claim) if isinstance(claim, str) else claim
    if not isinstance(needed, int | Decimal) or not 0 < needed <= len(lines):
        raise UserError(f"{check.where}: in: '{claim}' is not all, most, or a number from 1 to {len(lines)}.")
    yes, no = sum(line.fits is True for line in lines), sum(line.fits is False for line in lines)
    absent = sum(line.missing for line in lines)
    if yes + no == 0:
        verdict = UNCHECKED if absent else FIGURES
    elif len(lines) - no < needed:
        verdict = CONTRADICTED
    else:
        verdict = UNCHECKED if absent and yes < needed else HOLDS
    claimed = {"all": "", "most": ", most are claimed"}.get(str(claim), f", {claim} are claimed")
    counts = [f"{yes} of {yes + no}{claimed}"] if yes + no > 1 else []
    counts += [f"{absent} of {len(lines)} not printed"] if absent else []
    return Outcome(verdict, basis, tuple(lines), "; ".join(counts))
