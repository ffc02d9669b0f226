"""How long jobs take: from receipts of jobs like them, else from declared guesses, corrected by what this run shows."""

import collections
import socket
from collections.abc import Iterable, Mapping
from statistics import fmean

from pipeline.provenance import receipts

# Seconds until a job's own work begins: Python and torch are imported. Receipts do not count them.
BEGIN = 3.0
# Guesses for the first run on a machine: seconds of a whole job, or of one step of a training, of the edition `small` on one
# core of a processor of 2024. Elsewhere they are wrong, all by about the same factor, which the first jobs that end show.
JOB = {"pack": 10.0, "evaluate": 6.0, "table": 3.0, "report": 8.0, "track": 12.0, "figure": 5.0, "all": 0.0}
JOB_UNKNOWN = 5.0
# A step costs what its networks and its batch cost. A training that is not named here lies in between.
STEP = {
    "train_cincgan_inner": 0.05,
    "train_cincgan_joint": 0.25,
    "train_dada_adapt": 0.35,
    "train_dada_circle": 0.2,
    "train_dasr_dsn": 0.045,
    "train_dasr_pretrain": 0.035,
    "train_dasr_sr": 0.2,
    "train_drn_adapt_adapt": 0.09,
    "train_drn_adapt_pretrain": 0.05,
    "train_source_only_train": 0.075,
}
STEP_UNKNOWN = 0.1
# Jobs of a rule that agree in these wildcards cost about the same, whatever images they work on; those that differ in the
# second line alone cost similar amounts.
SAME = ("edition", "dataset", "scale")
METHOD = ("method", "stage")
# So many jobs of a kind, and so many kinds, tell how fast the machine is now; it may have other work.
RECENT = 6

Kind = tuple[str, ...]


def kinds(rule: str, wildcards: Mapping[str, str]) -> tuple[Kind, Kind]:
    """What a job has in common with those that cost the same, and with those that cost a similar amount."""
    rule = rule.removesuffix("_untrained")
    similar = (rule, *(wildcards[name] for name in SAME if name in wildcards))
    return (*similar, *(wildcards[name] for name in METHOD if name in wildcards)), similar


def guess(rule: str, steps: int | None) -> float:
    """Seconds of a job of whose kind nothing is known."""
    if steps:
        return BEGIN + steps * STEP.get(rule, STEP_UNKNOWN)
    return JOB.get(rule.removesuffix("_untrained"), JOB_UNKNOWN)


def from_receipts(found: Iterable[receipts.Receipt]) -> dict[Kind, float]:
    """Kind -> mean seconds of the jobs that left receipts, on this machine if there are any, else on others."""
    seconds: dict[bool, dict[Kind, list[float]]] = {place: collections.defaultdict(list) for place in (False, True)}
    for receipt in found:
        rule, wildcards = receipt.key["stage"], receipt.key["wildcards"]
        if rule == "train":
            rule = f"train_{wildcards['method']}_{wildcards['stage']}"
        if "seconds" in receipt.run:
            for kind in kinds(rule, wildcards):
                place = receipt.run.get("host") == socket.gethostname()
                seconds[place][kind].append(BEGIN + receipt.run["seconds"])
    return {kind: fmean(values) for place in (False, True) for kind, values in seconds[place].items()}


class Estimates:
    """Seconds of jobs by (rule, wildcards, steps). `earlier` is what `from_receipts` returns."""

    def __init__(self, earlier: Mapping[Kind, float] | None = None):
        self._earlier = dict(earlier or {})
        self._seen: dict[Kind, collections.deque] = collections.defaultdict(lambda: collections.deque(maxlen=RECENT))
        self._expected: dict[Kind, float] = {}
        # By where the estimate came from: kind -> (estimated, true) seconds, the kind that was seen last at the end.
        self._judged: dict[str, dict[Kind, tuple[float, float]]] = {"receipts": {}, "guesses": {}}

    def learn(self, rule: str, wildcards: Mapping[str, str], steps: int | None, seconds: float) -> None:
        """A job of this run took so long."""
        same, similar = kinds(rule, wildcards)
        for kind in {same, similar}:
            self._seen[kind].append(seconds)
        self._judge(same, guess(rule, steps), fmean(self._seen[same]))

    def expect(self, rule: str, wildcards: Mapping[str, str], steps: int | None, seconds: float) -> None:
        """A running job of this run will take so long, as it seems; counts until one of its kind has ended."""
        same, _ = kinds(rule, wildcards)
        if same not in self._seen:
            self._expected[same] = seconds
            self._judge(same, guess(rule, steps), seconds)

    def seconds(self, rule: str, wildcards: Mapping[str, str], steps: int | None) -> float:
        """How long such a job takes on this machine now."""
        for kind in kinds(rule, wildcards):
            if kind in self._seen:
                return fmean(self._seen[kind])
            if kind in self._expected:
                return self._expected[kind]
            if kind in self._earlier:
                return self._earlier[kind] * self._factor("receipts")
        return guess(rule, steps) * self._factor("guesses")

    def _judge(self, kind: Kind, guessed: float, true: float) -> None:
        for source, estimate in (("guesses", guessed), ("receipts", self._earlier.get(kind))):
            if estimate:
                self._judged[source].pop(kind, None)
                self._judged[source][kind] = estimate, true

    def _factor(self, source: str) -> float:
        """How much longer than estimated jobs take: those of the kinds seen last, and one that took what was estimated."""
        pairs = [*self._judged[source].values()][-RECENT:]
        if not pairs:
            return 1.0
        estimated, true = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
        return (len(pairs) * true + estimated) / ((len(pairs) + 1) * estimated)
