"""Every word of the claims' vocabulary: an example that holds, one that does not; laws; what is refused."""

from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.claims.numbers import Numbers, half_digit, load
from pipeline.claims.quantities import kendall
from pipeline.claims.verdicts import rises
from pipeline.errors import UserError
from tests.claims_examples import NUMBERS, finding

AT = "at: {table: I, scale: 2, metric: psnr}"
OURS, BASE, RIVAL = "{method: ours}", "{method: base}", "{method: rival}"
SET5 = "at: {table: I, scale: 2, dataset: set5, metric: psnr}"
LPIPS = "at: {table: I, scale: 2, dataset: set5, metric: lpips}"
SIZES = "at: {table: I, scale: 2, metric: size}, with: {o: {method: ours}, b: {method: base}}, digits: 1"
RISING = "trend: {along: scale, is: rising}"
LEVEL = "at: {scale: 2, dataset: urban, metric: psnr}, a: {table: I, method: ours}"

HOLDS_AND_NOT = {
    "value": (
        "{word: value, of: {table: I, scale: 2, method: ours, metric: psnr}, printed: {set5: 30.70, urban: 25.4}}",
        "{word: value, of: {table: I, scale: 2, method: ours, metric: psnr}, printed: {set5: 30.71, urban: 25.40}}",
    ),
    "value of text": (
        "{word: value, of: {table: I, scale: 2, method: [ours, rival], metric: train_set}, printed: DF2K}",
        "{word: value, of: {table: I, scale: 2, method: [ours, base], metric: train_set}, printed: DF2K}",
    ),
    "difference": (
        f"{{word: difference, {AT}, a: {OURS}, b: {BASE}, printed: {{set5: 0.70, urban: 0.40}}}}",
        f"{{word: difference, {AT}, a: {OURS}, b: {BASE}, printed: {{set5: 0.70, urban: 0.43}}}}",
    ),
    "difference, least": (
        f"{{word: difference, {AT}, a: {OURS}, b: {BASE}, reduce: min, printed: 0.4}}",
        f"{{word: difference, {AT}, a: {OURS}, b: {BASE}, reduce: max, printed: 0.4}}",
    ),
    "difference, trend": (
        f"{{word: difference, at: {{table: I, dataset: urban, metric: psnr}}, a: {OURS}, b: {RIVAL}, {RISING}}}",
        f"{{word: difference, at: {{table: I, dataset: set5, metric: psnr}}, a: {OURS}, b: {BASE}, {RISING}}}",
    ),
    "ratio": (
        "{word: ratio, at: {table: I, method: base, metric: size}, a: {scale: 4}, b: {scale: 2}, digits: 2, printed: 1.53}",
        "{word: ratio, at: {table: I, method: base, metric: size}, a: {scale: 4}, b: {scale: 2}, digits: 2, printed: 1.5299}",
    ),
    "lead": (
        f"{{word: lead, {SET5}, of: {OURS}, over: {{table: I}}, printed: 0.20}}",
        f"{{word: lead, {LPIPS}, of: {OURS}, over: {{table: I}}, printed: 0.010}}",
    ),
    "lead, lower is better": (
        f"{{word: lead, {LPIPS}, of: {RIVAL}, over: {{table: I}}, printed: 0.010}}",
        f"{{word: lead, {LPIPS}, of: {OURS}, over: {{table: I}}, above: 0}}",
    ),
    "growth": (
        "{word: growth, of: {table: I, method: [base, rival], metric: size}, along: scale, at_least: 53}",
        "{word: growth, of: {table: I, metric: size}, along: scale, at_least: 53}",
    ),
    "mean": (
        "{word: mean, of: {table: I, scale: 2, method: base, metric: psnr}, over: dataset, digits: 2, printed: 27.50}",
        "{word: mean, of: {table: I, scale: 2, method: base, metric: psnr}, over: dataset, digits: 2, printed: 27.6}",
    ),
    "mean over two fields": (
        "{word: mean, of: {table: I, method: base, metric: psnr}, over: [scale, dataset], digits: 2, printed: 26.00}",
        "{word: mean, of: {table: I, method: base, metric: psnr}, over: [scale, dataset], digits: 2, below: 26}",
    ),
    "formula": (
        f"{{word: formula, {SIZES}, formula: (o - b) / 2 + 1.5, printed: 26.5}}",
        f"{{word: formula, {SIZES}, formula: 2 * b - o, at_most: 49}}",
    ),
    "agreement": (
        "{word: agreement, of: {table: I, scale: 4, metric: psnr}, rank: method, digits: 2, printed: 1.00}",
        "{word: agreement, of: {table: I, scale: 4, dataset: set5, metric: [psnr, lpips]}, rank: method, digits: 2, at_least: 0}",
    ),
    "best": (
        f"{{word: best, {SET5}, of: {OURS}, over: {{table: I}}, ties: refused}}",
        f"{{word: best, {AT}, of: {OURS}, over: {{table: I}}, ties: refused}}",
    ),
    "best or level": (
        f"{{word: best, {AT}, of: {OURS}, over: {{table: I}}, ties: allowed}}",
        f"{{word: best, {AT}, of: {RIVAL}, over: {{table: I}}, ties: allowed}}",
    ),
    "best in most": (
        "{word: best, at: {table: I, metric: psnr}, of: {method: ours}, over: {table: I}, ties: refused, in: most}",
        "{word: best, at: {table: I, metric: psnr}, of: {method: ours}, over: {table: I}, ties: refused, in: 4}",
    ),
    "order": (
        f"{{word: order, {SET5}, chain: [{BASE}, {RIVAL}, {OURS}], ties: refused}}",
        f"{{word: order, {AT}, chain: [{BASE}, {RIVAL}, {OURS}], ties: refused}}",
    ),
    "order, lower is better": (
        "{word: order, at: {table: I, scale: 4, metric: lpips}, chain: [{method: base}, {method: ours}], ties: refused}",
        "{word: order, at: {table: I, scale: 4, metric: lpips}, chain: [{method: rival}, {method: ours}], ties: refused}",
    ),
    "order or level": (
        f"{{word: order, {AT}, chain: [{BASE}, {RIVAL}, {OURS}], ties: allowed}}",
        f"{{word: order, {AT}, chain: [{OURS}, {RIVAL}], ties: allowed}}",
    ),
    "same": (
        "{word: same, a: {table: II, part: yes}, b: {table: I, scale: 2, method: ours, dataset: set5, metric: [psnr, lpips]}}",
        "{word: same, a: {table: II, part: no}, b: {table: I, scale: 2, method: ours, dataset: set5, metric: [psnr, lpips]}}",
    ),
    "same, of the prose": (
        "{word: same, a: {constant: here}, b: {constant: there}}",
        "{word: same, a: {constant: here}, b: {constant: elsewhere}}",
    ),
    "distinct": (
        f"{{word: distinct, {LEVEL}, b: {{table: I, method: base}}}}",
        f"{{word: distinct, {LEVEL}, b: {{table: I, method: rival}}}}",
    ),
}
CONSTANTS = "{here: {value: 0.10, label: abstract}, there: {value: 0.1, label: conclusion}, elsewhere: {value: 0.2, label: text}}"


@pytest.mark.parametrize("word", HOLDS_AND_NOT)
def test_word_holds_and_is_contradicted(tmp_path, word):
    verdicts = [finding(tmp_path, check, constants=CONSTANTS).verdict for check in HOLDS_AND_NOT[word]]
    assert verdicts == ["holds", "contradicted"]


def test_unchecked_gives_its_reason(tmp_path):
    found = finding(tmp_path, "{word: unchecked, reason: The figure has no numbers.}")
    assert (found.verdict, found.outcomes[0].basis) == ("cannot be checked", "The figure has no numbers.")


def test_without_an_expectation_figures_are_only_stated(tmp_path):
    found = finding(tmp_path, f"{{word: difference, {AT}, a: {OURS}, b: {BASE}}}")
    assert found.verdict == "figures only"
    assert [line.text for line in found.outcomes[0].lines] == ["30.70 - 30.00 = 0.70", "25.40 - 25.00 = 0.40"]


def test_a_selector_goes_before_what_all_of_the_check_share(tmp_path):
    shared = "at: {table: I, scale: 2, dataset: set5, metric: psnr, method: base}"
    found = finding(tmp_path, f"{{word: difference, {shared}, a: {OURS}, b: {{scale: 4}}}}")
    assert [line.text for line in found.outcomes[0].lines] == ["30.70 - 27.00 = 3.70"]


def test_computation_names_the_rival_and_the_place(tmp_path):
    found = finding(
        tmp_path, f"{{word: lead, {AT}, of: {OURS}, over: {{table: I}}, printed: {{set5: 0.2, urban: 0.1}}}}"
    )
    outcome = found.outcomes[0]
    assert outcome.basis == "I, ×2, PSNR: Ours against all rows"
    assert [(line.place, line.text, line.printed, line.fits) for line in outcome.lines] == [
        ("Set5", "30.70 - 30.50 (Rival) = 0.20", "0.2", True),
        ("Urban", "25.40 - 25.40 (Rival) = 0.00", "0.1", False),
    ]


def test_what_is_not_printed_cannot_be_checked_but_does_not_compete(tmp_path):
    lpips = "at: {table: I, scale: 2, metric: lpips}"
    assert (
        finding(tmp_path, f"{{word: order, {lpips}, chain: [{BASE}, {RIVAL}], ties: refused}}").verdict
        == "cannot be checked"
    )
    # A column that is printed and wrong decides, whatever is missing elsewhere.
    assert (
        finding(tmp_path, f"{{word: order, {lpips}, chain: [{RIVAL}, {BASE}], ties: refused}}").verdict
        == "contradicted"
    )
    urban = "at: {table: I, scale: 2, dataset: urban, metric: lpips}"
    assert (
        finding(tmp_path, f"{{word: best, {urban}, of: {OURS}, over: {{table: I}}, ties: refused}}").verdict == "holds"
    )
    assert (
        finding(tmp_path, f"{{word: best, {urban}, of: {RIVAL}, over: {{table: I}}, ties: refused}}").verdict
        == "cannot be checked"
    )


def test_one_contradiction_among_several_checks_is_enough(tmp_path):
    good, bad = HOLDS_AND_NOT["best"]
    assert finding(tmp_path, f"[{good}, {bad}]").verdict == "contradicted"
    assert finding(tmp_path, f"[{{word: unchecked, reason: none}}, {bad}]").verdict == "contradicted"
    assert finding(tmp_path, f"[{good}, {{word: unchecked, reason: none}}]").verdict == "cannot be checked"
    assert (
        finding(tmp_path, f"[{good}, {{word: growth, of: {{table: I, metric: size}}, along: scale}}]").verdict
        == "holds"
    )


@pytest.mark.parametrize(
    ("printed", "fits", "rounding"), [("0.20", True, False), ("0.21", False, True), ("0.22", False, False)]
)
def test_rounding_is_told_from_a_contradiction(tmp_path, printed, fits, rounding):
    found = finding(tmp_path, f"{{word: lead, {SET5}, of: {OURS}, over: {{table: I}}, printed: {printed}}}")
    assert (found.outcomes[0].lines[0].fits, found.outcomes[0].lines[0].rounding) == (fits, rounding)


REFUSED = {
    "word": (f"{{word: differnce, {AT}, a: {OURS}, b: {BASE}}}", "'differnce' is not a word"),
    "key": (f"{{word: difference, {AT}, a: {OURS}, c: {BASE}}}", "needs 'b'"),
    "unknown key": (
        f"{{word: best, {AT}, of: {OURS}, over: {{table: I}}, ties: refused, printed: 1}}",
        "'printed' is not a key",
    ),
    "field": ("{word: value, of: {tabel: I}}", "'tabel' is no field"),
    "method": (f"{{word: difference, {AT}, a: {{method: our}}, b: {BASE}}}", "method 'our' is not in"),
    "nothing fits": ("{word: value, of: {table: II, method: ours}}", "no number of .*fits"),
    "in a list": ("{word: value, of: {table: II, metric: [psnr, size]}}", "no number of .*'size'"),
    "ambiguous": (
        "{word: difference, at: {table: I, scale: 2, metric: psnr}, a: {method: ours}, b: {dataset: set5}}",
        "gives 3 numbers",
    ),
    "constant": ("{word: same, a: {constant: no}, b: {constant: here}}", "constant 'no'"),
    "selector": ("{word: value, of: ours}", "expected a selector"),
    "at": ("{word: value, at: ours, of: {method: ours}}", "at: expected fields"),
    "not": ("{word: value, of: {method: {nt: ours}}}", r"\{not: …\}"),
    "ties": (f"{{word: best, {AT}, of: {OURS}, over: {{table: I}}, ties: maybe}}", "ties: 'maybe'"),
    "in": (f"{{word: best, {AT}, of: {OURS}, over: {{table: I}}, ties: refused, in: 3}}", "from 1 to 2"),
    "two expectations": (
        f"{{word: difference, {AT}, a: {OURS}, b: {BASE}, at_least: 0, printed: 0.1}}",
        "one of at_least, printed",
    ),
    "printed names": (
        f"{{word: difference, {AT}, a: {OURS}, b: {BASE}, printed: {{set5: 0.1, urbn: 0.2}}}}",
        "printed names set5, urbn",
    ),
    "printed text": (f"{{word: difference, {AT}, a: {OURS}, b: {BASE}, printed: much}}", "much cannot be compared"),
    "bound": (f"{{word: difference, {AT}, a: {OURS}, b: {BASE}, at_least: much}}", "at_least: 'much' is not a number"),
    "text": (
        "{word: difference, at: {table: I, scale: 2, metric: train_set}, a: {method: ours}, b: {method: base}}",
        "'DF2K' is text",
    ),
    "text in bounds": ("{word: value, of: {table: I, metric: train_set}, at_least: 1}", "is text"),
    "direction": (
        "{word: order, at: {table: I, scale: 2, metric: size}, chain: [{method: base}, {method: ours}], ties: refused}",
        "no direction",
    ),
    "along": ("{word: growth, of: {table: I, scale: 2, metric: size}, along: scale}", "does not vary in 'scale'"),
    "trend": (f"{{word: difference, {AT}, a: {OURS}, b: {BASE}, trend: rising}}", "trend: expected"),
    "trend along": (
        f"{{word: difference, {AT}, a: {OURS}, b: {BASE}, trend: {{along: scale, is: rising}}}}",
        "does not vary",
    ),
    "reduce": (f"{{word: difference, {AT}, a: {OURS}, b: {BASE}, reduce: median}}", "'median' is not one of"),
    "formula": ("{word: formula, formula: a +, with: {a: {constant: here}}, digits: 1}", "cannot be read"),
    "formula, call": (
        "{word: formula, formula: abs(a), with: {a: {constant: here}}, digits: 1}",
        r"'abs\(a\)' is neither",
    ),
    "formula, power": ("{word: formula, formula: a ** 9, with: {a: {constant: here}}, digits: 1}", "is neither"),
    "zero": ("{word: formula, formula: a / (a - a), with: {a: {constant: here}}, digits: 1}", "division by"),
    "digits": ("{word: formula, formula: a, with: {a: {constant: here}}, digits: 1.5}", "digits: 1.5"),
    "chain": (f"{{word: order, {AT}, chain: [{OURS}], ties: refused}}", "chain: expected"),
    "one column": (
        "{word: agreement, of: {table: I, scale: 2, dataset: set5, metric: psnr}, rank: method, digits: 1}",
        "two columns",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_check_is_refused_by_file_and_claim(tmp_path, case):
    check, message = REFUSED[case]
    with pytest.raises(UserError, match=message) as caught:
        finding(tmp_path, check, constants=CONSTANTS)
    assert f"{tmp_path / 'claims.yaml'}: claim X: " in str(caught.value)


BAD_NUMBERS = {
    "typed twice": (("      base: {set5:", "      ours: {set5:"), "line .*'ours' is given twice"),
    "no number": (
        ("psnr: 30.00, lpips: 0.300}, urban", "psnr: 0x1E, lpips: 0.300}, urban"),
        "0x1E is not a plain decimal",
    ),
    "unknown metric": (
        ("psnr: 30.00, lpips: 0.300}, urban", "pnsr: 30.00, lpips: 0.300}, urban"),
        "'pnsr' at .* is not one of metrics",
    ),
    "too flat": (
        ("levels: [table, scale, method, dataset]", "levels: [table, scale, method, dataset, seed]"),
        "not as deep",
    ),
    "no block": (("block: sizes", "block: size"), "'size', which is missing"),
    "no metrics": (("metrics:", "metric:"), "no metrics"),
    "no direction": (("better: higher, ", ""), "metrics.psnr: expected"),
}


@pytest.mark.parametrize("case", BAD_NUMBERS)
def test_bad_numbers_are_refused_by_name(tmp_path, case):
    (old, new), message = BAD_NUMBERS[case]
    assert old in NUMBERS
    with pytest.raises(UserError, match=message):
        finding(tmp_path, HOLDS_AND_NOT["best"][0], NUMBERS.replace(old, new, 1))


decimals = st.decimals(min_value=-100, max_value=100, places=3)
columns = st.lists(st.tuples(decimals, decimals), min_size=2, max_size=8)


@given(columns)
def test_rank_agreement_obeys_its_laws(pairs):
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    tau = kendall(first, second)
    assert -1 <= tau.quantize(Decimal("1e-9")) <= 1
    assert tau == kendall(second, first)
    assert kendall([-value for value in first], second) == -tau
    assert kendall(first, first) == (1 if len(set(first)) > 1 else 0)


@given(st.lists(decimals, min_size=2, max_size=6))
def test_a_sorted_chain_rises_and_its_reverse_does_not(numbers):
    def steps(values):
        return [(after - before, Decimal(0)) for before, after in pairwise(values)]

    assert rises(steps(sorted(set(numbers))), ties=False)[0]
    assert rises(steps(sorted(numbers)), ties=True)[0]
    if len(set(numbers)) > 1:
        assert not rises(steps(sorted(numbers, reverse=True)), ties=True)[0]


@given(decimals, st.integers(0, 3))
def test_a_number_is_never_further_than_half_a_digit_from_its_rounding(number, digits):
    rounded = number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    assert abs(number - rounded) <= half_digit(rounded)


@settings(max_examples=25)
@given(st.lists(st.decimals(0, 50, places=2), min_size=6, max_size=6))
def test_numbers_keep_their_spelling_and_checks_agree_with_arithmetic(tmp_path_factory, numbers):
    folder = tmp_path_factory.mktemp("toy")
    results = "\n".join(
        f"  {method}: {{set5: {{psnr: {a}}}, urban: {{psnr: {b}}}}}"
        for method, a, b in zip(("base", "rival", "ours"), numbers[::2], numbers[1::2], strict=True)
    )
    head = (
        NUMBERS[: NUMBERS.index("tables:")]
        + "tables: [{block: results, levels: [method, dataset]}]\nlabels: {}\nresults:\n"
    )
    at = "at: {metric: psnr}"
    found = finding(folder, f"{{word: difference, {at}, a: {OURS}, b: {BASE}}}", head + results)
    cells = [cell.value for cell in Numbers(folder / "toy.yaml").cells]
    assert [str(value) for value in cells] == [str(value) for value in numbers]
    assert [line.text for line in found.outcomes[0].lines] == [
        f"{ours} - {base} = {ours - base:f}" for base, ours in ((numbers[0], numbers[4]), (numbers[1], numbers[5]))
    ]
    best = finding(folder, f"{{word: best, {at}, of: {OURS}, over: {{metric: psnr}}, ties: allowed}}", head + results)
    first = all(numbers[4 + side] == max(numbers[side::2]) for side in (0, 1))
    assert (best.verdict == "holds") == first


def test_trailing_zeros_and_scientific_notation_are_kept(tmp_path):
    (tmp_path / "a.yaml").write_text("a: 30.40\nb: 2.0e-6\nc: 5\nd: null\ne: no\nf: '7'\n")
    found = load(tmp_path / "a.yaml")
    assert {name: str(value) for name, value in found.items()} == {
        "a": "30.40",
        "b": "0.0000020",
        "c": "5",
        "d": "None",
        "e": "no",
        "f": "7",
    }
