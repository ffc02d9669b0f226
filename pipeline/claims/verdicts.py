"""What computed values are held against, and the verdict that follows: printed values, bounds, trends."""

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
    """One computation: where, what, what the paper says, whether it fits (None: nothing to fit, or not printed).

    `rounding`: it does not fit, but the numbers before they were rounded may.
    """

    place: str
    text: str
    printed: str = ""
    fits: bool | None = None
    missing: bool = False
    rounding: bool = False


@dataclass(frozen=True)
class Outcome:
    """What one check found. `basis`: what it compared; `summary`: how many lines fit, where that is worth saying."""

    verdict: str
    basis: str
    lines: tuple[Line, ...]
    summary: str = ""


def compared(check: Check, told: str, found: list[Quantity]) -> Outcome:
    """The verdict on computed values: against what is printed, a bound, or a trend; with none of them they are only shown."""
    expected = sorted(EXPECTATIONS & set(check.content))
    if len(expected) > 1:
        raise UserError(f"{check.where}: one of {', '.join(expected)} at a time; write two checks.")
    text = next((quantity.value for quantity in found if isinstance(quantity.value, str)), None)
    if text is not None and ("reduce" in check.content or expected not in ([], ["printed"])):
        raise UserError(f"{check.where}: '{text}' is text; it can be shown or compared with `printed`, nothing else.")
    if "reduce" in check.content:
        found = [_reduced(check, found)]
    if not expected:
        return outcome(check, told, [Line(check.label(q.place), q.text, missing=q.value is None) for q in found])
    if expected == ["trend"]:
        return outcome(check, told, _trends(check, found))
    if expected == ["printed"]:
        return outcome(
            check, told, [_against(check, quantity, printed) for quantity, printed in _printed(check, found)]
        )
    words, fits = BOUNDS[expected[0]]
    bound = check.content[expected[0]]
    if not isinstance(bound, Decimal):
        raise UserError(f"{check.where}: {expected[0]}: {bound!r} is not a number.")
    lines = [
        Line(check.label(q.place), q.text, f"{words} {spell(bound)}", None if q.value is None else fits(q.value, bound))
        for q in found
    ]
    return outcome(check, told, [replace(line, missing=line.fits is None) for line in lines])


def _reduced(check: Check, found: list[Quantity]) -> Quantity:
    choose = {"max": max, "min": min}.get(str(check.content["reduce"]))
    if choose is None:
        raise UserError(f"{check.where}: reduce: '{check.content['reduce']}' is not one of max, min.")
    listed = ", ".join(f"{spell(q.value)} ({check.label(q.place)})" for q in found)
    if any(quantity.value is None for quantity in found):
        return Quantity({}, listed, None)
    extreme = choose(found, key=lambda quantity: quantity.value)
    return Quantity({}, f"{check.content['reduce']} {spell(extreme.value)} of {listed}", extreme.value, extreme.slack)


def _printed(check: Check, found: list[Quantity]) -> Iterable[tuple[Quantity, object]]:
    """Each quantity with what the paper prints for it: one value for all, or one for each name of the field that varies."""
    printed = check.content["printed"]
    if not isinstance(printed, dict):
        return [(quantity, printed) for quantity in found]
    fields = {field for quantity in found for field in quantity.place}
    if len(fields) != 1:
        raise UserError(
            f"{check.where}: printed by name needs one field that varies, here {sorted(fields) or 'none'} do."
        )
    names = [next(iter(quantity.place.values())) for quantity in found]
    if sorted(names) != sorted(printed):
        raise UserError(f"{check.where}: printed names {', '.join(printed)}; the selection has {', '.join(names)}.")
    return [(quantity, printed[name]) for quantity, name in zip(found, names, strict=True)]


def _against(check: Check, quantity: Quantity, printed) -> Line:
    """Equal at the printed precision: a value that may be rounded to what is printed fits."""
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


def _trends(check: Check, found: list[Quantity]) -> list[Line]:
    trend = check.content["trend"]
    if not isinstance(trend, dict) or set(trend) != {"along", "is"} or trend["is"] not in ("rising", "falling"):
        raise UserError(f"{check.where}: trend: expected {{along: field, is: rising or falling}}, got {trend!r}.")
    along, sign = trend["along"], 1 if trend["is"] == "rising" else -1
    label, lines = check.numbers.label, []
    series: dict[tuple, list[Quantity]] = {}
    for quantity in found:
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
    """Whether every step (size, slack) goes up, or stays level where `ties` may be; and if not, whether rounding may hide it."""
    steps = list(steps)
    fits = all(step > 0 or (ties and step == 0) for step, _ in steps)
    return fits, not fits and all(step > -slack for step, slack in steps)


def outcome(check: Check, told: str, lines: list[Line]) -> Outcome:
    """The verdict of all lines; `in` says how many columns the claim speaks of: all (default), most, or a number."""
    if not lines:
        raise UserError(f"{check.where}: the selection leaves nothing to compare; it needs two cells or more.")
    wanted = check.content.get("in", "all")
    needed = {"all": len(lines), "most": len(lines) // 2 + 1}.get(wanted, wanted) if isinstance(wanted, str) else wanted
    if not isinstance(needed, int | Decimal) or not 0 < needed <= len(lines):
        raise UserError(f"{check.where}: in: '{wanted}' is not all, most, or a number from 1 to {len(lines)}.")
    yes, no = sum(line.fits is True for line in lines), sum(line.fits is False for line in lines)
    absent = sum(line.missing for line in lines)
    if yes + no == 0:
        verdict = UNCHECKED if absent else FIGURES
    elif len(lines) - no < needed:
        verdict = CONTRADICTED
    else:
        verdict = UNCHECKED if absent and yes < needed else HOLDS
    claimed = {"all": "", "most": ", most are claimed"}.get(str(wanted), f", {wanted} are claimed")
    counts = [f"{yes} of {yes + no}{claimed}"] if yes + no > 1 else []
    counts += [f"{absent} of {len(lines)} not printed"] if absent else []
    return Outcome(verdict, told, tuple(lines), "; ".join(counts))
