"""Third door: train one cell of a table again, in a separate git worktree, and compare what comes out.

`python -m pipeline.audit --door retrain CELL [--chain]`. The worktree lies outside the repository and is removed
whatever happens; inputs are links to files whose hashes were checked. On the receipt's processor every byte must be
equal; elsewhere networks and the metrics measured with them must agree within `audit.retrain` of params.yaml.
"""

import argparse
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

from pipeline import files
from pipeline.audit import compare, rerun
from pipeline.audit.rerun import DEVIATES, EQUAL, WITHIN
from pipeline.audit.trainings import Trainings
from pipeline.errors import UserError
from pipeline.plan import params
from pipeline.provenance import receipts
from pipeline.provenance.receipts import Receipt

UNJUDGED = "NOT JUDGED"


@dataclass
class Outcome:
    """What came out for one training."""

    folder: str
    regime: str
    verdict: str = UNJUDGED
    lines: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n    ".join([f"{self.folder}: {self.verdict}", self.regime, *self.lines])


@contextmanager
def worktree(commit: str) -> Iterator[Path]:
    """A checkout of `commit` in a temporary folder, gone afterwards from the disk and from git's list of worktrees."""
    with rerun.temporary("retrain-") as parent:
        folder = parent / "worktree"
        try:
            # A hook of the user's must not run here: DVC's fetches data after a checkout.
            _git("-c", "core.hooksPath=/dev/null", "worktree", "add", "--quiet", "--detach", str(folder), commit)
            yield folder
        finally:
            with rerun.undisturbed():
                subprocess.run(["git", "worktree", "remove", "--force", str(folder)], capture_output=True, check=False)


def _git(*words: str) -> None:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"git {' '.join(words)}: {done.stderr.strip()}")


def check_code(receipt: Receipt, folder: Path, commit: str) -> None:
    """UserError that says which modules differ, and where the code of the receipt's job is to be found."""
    other = rerun.other_code(receipt, folder / "pipeline")
    if not other:
        return
    made, dirty = receipt.run.get("commit"), receipt.run.get("dirty")
    if made and not dirty:
        advice = f"Train it with the code that made it: the same command with `--commit {made}`."
    elif made:
        advice = f"It was trained with changes on top of {made} that were not committed: find a commit that has them."
    else:
        advice = "The receipt names no commit."
    raise UserError(f"{receipt.path}: cannot be trained with the code at {commit}; {other}. {advice}")


class Retraining:
    """Trainings in one worktree, one after the other; each one reads what an earlier one made."""

    def __init__(self, folder: Path, tolerance: dict):
        self.folder, self.tolerance = folder, tolerance
        self.made: dict[str, str] = {}

    def train(self, receipt: Receipt, evaluations: list[Receipt]) -> Outcome:
        """Train the receipt's stage again and compare; `evaluations` are those that measured its generator."""
        place = Path(receipt.path).parent.as_posix()
        # Nothing that was committed there may be gone on from: a training begins at its first step.
        shutil.rmtree(self.folder / place, ignore_errors=True)
        rerun.link(receipt, self.folder, self.made)
        done = rerun.run(receipt, self.folder, show=True)
        regime = rerun.regime(receipt.run, done.run)
        outcome = Outcome(place, str(regime))
        if done.inputs != receipt.inputs:
            outcome.lines.append("its start networks are those trained again, which are not the stored ones")
        equal = True
        for path, entry in receipt.outputs.items():
            same = done.outputs[path]["sha256"] == entry["sha256"]
            equal &= same
            told = f"every byte equal, sha256 {entry['sha256'][:16]}…" if same else "differs"
            outcome.lines.append(f"{Path(path).name}: {told}")
        self.made |= {path: entry["sha256"] for path, entry in done.outputs.items()}
        if equal:
            outcome.verdict = EQUAL
            return outcome
        fits = [self._network(path, outcome) for path in receipt.outputs if path.endswith(".safetensors")]
        fits += [self._metrics(evaluation, outcome) for evaluation in evaluations]
        if regime.exact or False in fits:
            outcome.verdict = DEVIATES
        elif None not in fits:
            outcome.verdict = WITHIN
        return outcome

    def _network(self, path: str, outcome: Outcome) -> bool | None:
        """Whether a network lies near enough to the stored one; None when the stored one is not here."""
        if not Path(path).is_file():
            outcome.lines.append(f"{path}: the stored network is not here; `python -m pipeline.pull {path}` fetches it")
            return None
        try:
            distance, tensor = compare.networks(Path(path), self.folder / path)
        except UserError as error:
            outcome.lines.append(str(error))
            return False
        limit = self.tolerance["network"]
        outcome.lines.append(
            f"{Path(path).name}: distance {distance:.3g} of its length, allowed {limit:g} (farthest: {tensor})"
        )
        return distance <= limit

    def _metrics(self, receipt: Receipt, outcome: Outcome) -> bool | None:
        """Whether the network trained again measures as the stored one did; None when that cannot be told."""
        path = receipt.path.removesuffix(receipts.SUFFIX)
        try:
            stored, measured, _ = rerun.measured(receipt, self.folder, show=True, made=self.made)
        except UserError as error:
            outcome.lines += [f"{path}: could not be measured: {problem}" for problem in str(error).splitlines()]
            return None
        complaints = compare.metrics(stored, measured, self.tolerance)
        outcome.lines += [f"{Path(path).name}: {row}" for row in compare.rows(stored, measured)] + complaints
        return not complaints


def main(words: list[str]) -> int:
    """Command line; 0 when the cell was trained again and agrees."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.audit --door retrain", description="Train again.")
    parser.add_argument("cell", metavar="CELL", help="results/runs/…/seed0, its generator, or a metrics file")
    parser.add_argument("--chain", action="store_true", help="every training that it rests on as well, from the first")
    parser.add_argument("--commit", default="HEAD", help="whose code to train with (default: HEAD)")
    parser.add_argument("--params", default="params.yaml", help="settings; `audit.retrain` of it says what may differ")
    parser.add_argument("--json", metavar="PATH", help="also write the report as data")
    arguments = parser.parse_args(words)
    now = params.load(arguments.params)
    trainings = Trainings(now)
    cell = trainings.find(arguments.cell)
    steps = trainings.chain(cell) if arguments.chain else [cell]
    made = {path for step in steps for path in step.outputs}
    problems = [text for step in steps for text in rerun.missing(step, made)]
    if problems:
        raise UserError("\n".join([*problems, "Nothing was trained."]))
    unsealed = [step.path for step in steps if not step.sealed]
    outcomes = []
    with rerun.stoppable(), worktree(arguments.commit) as folder:
        for step in steps:
            check_code(step, folder, arguments.commit)
        work = Retraining(folder, now["audit"]["retrain"])
        for number, step in enumerate(steps, 1):
            print(f"[{number}/{len(steps)}] {_announce(step)}", flush=True)
            outcomes.append(work.train(step, trainings.measured_with(step)))
            print(outcomes[-1], flush=True)
    if arguments.json:
        content = {"cell": cell.path, "unsealed": unsealed, "trainings": [asdict(outcome) for outcome in outcomes]}
        files.write_json(arguments.json, content)
    for path in unsealed:
        print(f"{path}: was changed after its job wrote it (first door)")
    holds = not unsealed and all(outcome.verdict in (EQUAL, WITHIN) for outcome in outcomes)
    print(f"trained again: {'holds' if holds else 'does NOT hold'}")
    return 0 if holds else 1


def _announce(receipt: Receipt) -> str:
    """What is trained, and what it took the first time: whoever lacks that machine should know before waiting."""
    run, folder = receipt.run, Path(receipt.path).parent
    took = timedelta(seconds=round(run.get("seconds", 0)))
    return f"{folder}: took {took} on {run.get('gpu') or run.get('cpu')}, commit {str(run.get('commit'))[:12]}"
