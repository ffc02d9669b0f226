"""Read and check a claims file: what a paper says, where, and the checks of its own numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.claims.numbers import Numbers, load
from pipeline.claims.operands import Check
from pipeline.claims.verdicts import CONTRADICTED, FIGURES, HOLDS, UNCHECKED, Outcome
from pipeline.claims.words import judge
from pipeline.errors import UserError

SEVERITIES = {
    "A": "a headline number",
    "B": "a statement of the text",
    "C": "a detail",
}
NEEDED, OPTIONAL = ("id", "claim", "where", "severity", "check"), ("implied", "note")


@dataclass(frozen=True)
class Claim:
    """A claim in our own words, its place in the paper, its importance; `implied`: not stated, but to be expected."""

    id: str
    claim: str
    where: str
    severity: str
    checks: tuple[Mapping, ...]
    implied: bool
    note: str


@dataclass(frozen=True)
class Finding:
    """A claim, its verdict, and the outcomes of its checks."""

    claim: Claim
    verdict: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Claims:
    """All claims of a paper, the constants that they use, and remarks on the copy of the paper that was read."""

    path: Path
    about: tuple[str, ...]
    constants: Mapping[str, Mapping]
    claims: tuple[Claim, ...]


def read(path: Path, paper: str) -> Claims:
    """Read `data/reported/claims/<paper>.yaml`; UserError names the claim and what was expected."""
    content = load(path)
    if set(content) != {"paper", "about", "constants", "claims"}:
        raise UserError(f"{path}: expected exactly paper, about, constants and claims, got {', '.join(content)}.")
    if content["paper"] != paper:
        raise UserError(f"{path}: is of paper '{content['paper']}', expected '{paper}'. Correct its `paper`.")
    constants = content["constants"] or {}
    for name, constant in constants.items():
        if not isinstance(constant, dict) or set(constant) != {"value", "label"}:
            raise UserError(f"{path}: constant '{name}': expected {{value: …, label: …}}, got {constant!r}.")
    claims = tuple(_claim(entry, f"{path}: claim {place}") for place, entry in enumerate(content["claims"] or (), 1))
    ids = [claim.id for claim in claims]
    for name in ids:
        if ids.count(name) > 1:
            raise UserError(f"{path}: {ids.count(name)} claims have the id '{name}'. Give each its own id.")
    if not claims:
        raise UserError(f"{path}: holds no claims.")
    return Claims(path, tuple(content["about"] or ()), constants, claims)


def _claim(entry, where: str) -> Claim:
    if not isinstance(entry, dict):
        raise UserError(f"{where}: expected id, claim, where, severity and check, got {entry!r}.")
    where = f"{where} ({entry.get('id', 'no id')})"
    for key in NEEDED:
        if key not in entry:
            raise UserError(f"{where}: '{key}' is missing.")
    for key in entry:
        if key not in NEEDED + OPTIONAL:
            raise UserError(f"{where}: '{key}' is not one of {', '.join(NEEDED + OPTIONAL)}.")
    if entry["severity"] not in SEVERITIES:
        raise UserError(f"{where}: severity '{entry['severity']}' is not one of {', '.join(SEVERITIES)}.")
    checks = entry["check"] if isinstance(entry["check"], list) else [entry["check"]]
    if not checks or not all(isinstance(check, dict) for check in checks):
        raise UserError(f"{where}: check: expected {{word: …}} or a list of such.")
    texts = [str(entry[key]) for key in ("id", "claim", "where", "severity")]
    return Claim(*texts, tuple(checks), entry.get("implied") == "yes", str(entry.get("note", "")))


def examine(claims: Claims, numbers: Numbers) -> list[Finding]:
    """Every claim with its verdict, in the order of the file. UserError names file, claim and what was expected."""
    return [_examined(claims, claim, numbers) for claim in claims.claims]


def _examined(claims: Claims, claim: Claim, numbers: Numbers) -> Finding:
    where = f"{claims.path}: claim {claim.id}"
    outcomes = tuple(judge(Check(numbers, claims.constants, check, where)) for check in claim.checks)
    verdicts = {outcome.verdict for outcome in outcomes}
    verdict = next(verdict for verdict in (CONTRADICTED, UNCHECKED, HOLDS, FIGURES) if verdict in verdicts)
    return Finding(claim, verdict, outcomes)
