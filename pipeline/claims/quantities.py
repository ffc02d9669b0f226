"""Words of the claims' vocabulary that compute: differences, leads, ratios … of printed cells, in decimals."""

import ast
import itertools
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from pipeline.claims.numbers import Cell, Value, half_digit
from pipeline.claims.operands import Check, Operand, basis, columns, decimals, groups
from pipeline.errors import UserError

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


@dataclass(frozen=True)
class Quantity:
    """A computed value, None if a cell is not printed; `slack`: largest error from rounding before the computation."""

    place: Mapping[str, str]
    text: str
    value: Value
    slack: Decimal = Decimal(0)


Computed = tuple[str, list[Quantity]]


def spell(value: Value) -> str:
    """A value as printed; a dash for None."""
    if value is None:
        return "–"
    return format(value, "f") if isinstance(value, Decimal) else value


def signed(value: Decimal) -> str:
    """With its sign, zero without."""
    return f"{value:+f}" if value else f"{abs(value):f}"


def value(check: Check) -> Computed:
    """Every selected cell, unchanged."""
    operand = check.operand(check.content["of"])
    return basis([operand], ""), [Quantity(operand.place(c), spell(c.value), c.value) for c in operand.cells]


def difference(check: Check) -> Computed:
    """a - b, column by column."""
    operands = [check.operand(check.content[name]) for name in ("a", "b")]
    return basis(operands, " minus "), [_minus(place, *decimals(check, cells)) for place, cells in columns(operands)]


def _minus(place: Mapping[str, str], first: Value, second: Value, names: tuple[str, str] = ("", "")) -> Quantity:
    text = f"{spell(first)}{names[0]} - {spell(second)}{names[1]}"
    if first is None or second is None:
        return Quantity(place, text, None)
    result = first - second
    return Quantity(place, f"{text} = {result:f}", result, half_digit(first) + half_digit(second))


def ratio(check: Check) -> Computed:
    """a / b, column by column, shown with `digits` decimals."""
    operands = [check.operand(check.content[name]) for name in ("a", "b")]
    ratios = []
    for place, cells in columns(operands):
        first, second = decimals(check, cells)
        text = f"{spell(first)} / {spell(second)}"
        divided = None if first is None or second is None else first / _divisor(second, check)
        ratios.append(Quantity(place, text if divided is None else f"{text} = {_rounded(divided, check)}", divided))
    return basis(operands, " over "), ratios


def lead(check: Check) -> Computed:
    """How much better `of` is than the best of `over` in its column; negative when it is not the best."""
    ours, rivals = check.operand(check.content["of"]), check.operand(check.content["over"])
    return basis([ours, rivals], " against "), [_lead(check, ours, cell, rivals) for cell in ours.cells]


def _lead(check: Check, ours: Operand, cell: Cell, rivals: Operand) -> Quantity:
    place = ours.place(cell)
    others = [other for other in rivals.in_column(cell, ours) if other.place != cell.place and other.value is not None]
    if cell.value is None or not others:
        return Quantity(place, f"{spell(cell.value)}: nothing printed to compare it with", None)
    sign = check.numbers.sign(cell.place["metric"], check.where)
    best = max((other.value for other in others), key=lambda value: sign * value)
    apart = [field for field in rivals.free if field not in place and field not in rivals.steady]
    names = [check.label({field: other.place[field] for field in apart}) for other in others if other.value == best]
    named = f" ({', '.join(names)})" if apart else ""
    pair = (cell.value, best, ("", named)) if sign > 0 else (best, cell.value, (named, ""))
    return _minus(place, *pair)


def growth(check: Check) -> Computed:
    """Differences of neighbours along a field, in the order in which the numbers stand."""
    operand, along = check.operand(check.content["of"]), check.content["along"]
    steps = []
    for group in groups(operand, along):
        for pair in itertools.pairwise(group):
            step = " → ".join(check.numbers.label(along, cell.place[along]) for cell in pair)
            before, after = decimals(check, pair)
            steps.append(_minus(operand.place(pair[1]) | {along: step}, after, before))
    return basis([operand], ""), steps


def mean(check: Check) -> Computed:
    """Mean over a field or a list of fields, shown with `digits` decimals."""
    operand, over = check.operand(check.content["of"]), check.content["over"]
    fields, means = [over] if isinstance(over, str) else over, []
    for group in groups(operand, over):
        place = {field: name for field, name in operand.place(group[0]).items() if field not in fields}
        numbers = decimals(check, group)
        if None in numbers:
            means.append(Quantity(place, f"{numbers.count(None)} of {len(numbers)} values are not there", None))
            continue
        average = sum(numbers) / len(numbers)
        text = f"mean of {len(numbers)} values = {_rounded(average, check)}"
        means.append(Quantity(place, text, average, max(map(half_digit, numbers))))
    return basis([operand], ""), means


def formula(check: Check) -> Computed:
    """Arithmetic (+ - * /, brackets) over selectors that are given names, column by column, shown with `digits` decimals."""
    text, named = check.content["formula"], check.content["with"]
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise UserError(f"{check.where}: formula '{text}' cannot be read ({error.msg}).") from error
    operands = [check.operand(selector) for selector in named.values()]
    found = []
    for place, cells in columns(operands):
        known = dict(zip(named, decimals(check, cells), strict=True))
        shown = re.sub(r"[A-Za-z_]\w*", lambda word, known=known: spell(known.get(word[0], word[0])), text)
        result = None if None in known.values() else _evaluate(tree, known, check)
        found.append(Quantity(place, shown if result is None else f"{shown} = {_rounded(result, check)}", result))
    constants = (f"{name}: {operand.name}" for name, operand in zip(named, operands, strict=True) if operand.name)
    shared = basis([operand for operand in operands if not operand.name], "")
    return "; ".join([f"{shared.partition(':')[0]}: {text}", *constants]), found


def _evaluate(node: ast.expr, known: Mapping[str, Decimal], check: Check) -> Decimal:
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        left, right = (_evaluate(side, known, check) for side in (node.left, node.right))
        return OPERATORS[type(node.op)](left, _divisor(right, check) if isinstance(node.op, ast.Div) else right)
    if isinstance(node, ast.Name) and node.id in known:
        return known[node.id]
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Decimal(str(node.value))
    raise UserError(
        f"{check.where}: formula '{check.content['formula']}': '{ast.unparse(node)}' is neither a number, nor one of "
        f"{', '.join(known)}, nor + - * / of these."
    )


def agreement(check: Check) -> Computed:
    """Least Kendall tau-b between columns that rank the names of the field `rank`; mean and number of orders are shown."""
    operand, rank = check.operand(check.content["of"]), check.content["rank"]
    rankings = [decimals(check, group) for group in groups(operand, rank)]
    names, text = basis([operand], ""), f"{len(rankings)} columns, {len(rankings) * (len(rankings) - 1) // 2} pairs"
    if any(None in ranking for ranking in rankings):
        return names, [Quantity({}, f"{text}: some values are not there", None)]
    if len(rankings) < 2 or len({len(ranking) for ranking in rankings}) > 1:
        raise UserError(f"{check.where}: agreement needs two columns or more, all with the same names in '{rank}'.")
    taus = [kendall(*pair) for pair in itertools.combinations(rankings, 2)]
    orders = {tuple(sorted(ranking, reverse=True).index(value) for value in ranking) for ranking in rankings}
    summary = f"least tau {_rounded(min(taus), check)}, mean {_rounded(sum(taus) / len(taus), check)}"
    return names, [Quantity({}, f"{text}: {summary}, different orders {len(orders)}", min(taus))]


def kendall(first: list[Decimal], second: list[Decimal]) -> Decimal:
    """Rank agreement tau-b of two columns, -1 to 1; 0 where one of them is constant."""
    score, counts = 0, [0, 0]
    for (a, b), (c, d) in itertools.combinations(list(zip(first, second, strict=True)), 2):
        signs = ((a > c) - (a < c), (b > d) - (b < d))
        score += signs[0] * signs[1]
        counts = [count + abs(sign) for count, sign in zip(counts, signs, strict=True)]
    return Decimal(score) / (Decimal(counts[0]) * counts[1]).sqrt() if all(counts) else Decimal(0)


def _rounded(value: Decimal, check: Check) -> str:
    digits = check.content["digits"]
    if not isinstance(digits, Decimal) or digits != int(digits):
        raise UserError(f"{check.where}: digits: {digits} is not a whole number.")
    return f"{value.quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_UP):f}"


def _divisor(value: Decimal, check: Check) -> Decimal:
    if value == 0:
        raise UserError(f"{check.where}: division by a printed zero. Choose another divisor.")
    return value


QUANTITIES: dict[str, tuple[Callable[[Check], Computed], frozenset[str]]] = {
    "value": (value, frozenset({"of"})),
    "difference": (difference, frozenset({"a", "b"})),
    "ratio": (ratio, frozenset({"a", "b", "digits"})),
    "lead": (lead, frozenset({"of", "over"})),
    "growth": (growth, frozenset({"of", "along"})),
    "mean": (mean, frozenset({"of", "over", "digits"})),
    "formula": (formula, frozenset({"with", "formula", "digits"})),
    "agreement": (agreement, frozenset({"of", "rank", "digits"})),
}
