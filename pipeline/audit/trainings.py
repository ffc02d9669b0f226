"""Which training is meant by a word of the user, which trainings it rests on, and what was measured with it."""

import difflib
import os
from pathlib import Path

from pipeline import files
from pipeline.errors import UserError
from pipeline.plan import keys
from pipeline.provenance import receipts
from pipeline.provenance.receipts import Receipt

SHOWN = 4


class Trainings:
    """All receipts of trainings and evaluations here, and which of them speaks for which file by the settings of now."""

    def __init__(self, params: dict):
        self.receipts = receipts.collect().receipts

        def key_of(kind: str, wildcards: dict) -> str:
            return files.canonical_json(keys.key(params, kind, wildcards))

        reasons = {path: receipts.key_reasons(receipt, key_of) for path, receipt in self.receipts.items()}
        self.makers = receipts.find_makers(self.receipts, reasons)

    def find(self, cell: str) -> Receipt:
        """The training meant by a run folder, one of its files, a metrics file, or a line of the first door that names one.

        UserError with run folders whose names come close.
        """
        # A line of the first door says `= mean.psnr_y in results/…/metrics_sony.json`.
        words = [Path(os.path.relpath(word)).as_posix() for word in [cell, *cell.replace(",", " ").split()]]
        trained = [receipt for receipt in self.receipts.values() if receipt.key["kind"] == "train"]
        runs = {Path(receipt.path).parent.as_posix(): receipt for receipt in trained}
        for path in (word.removesuffix(receipts.SUFFIX) for word in words):
            maker = self.receipts.get(self.makers.get(path, ""))
            if path in runs or maker in trained:
                return runs.get(path) or maker
            if maker and maker.key["kind"] == "evaluate":
                makers = [self.receipts[self.makers[name]] for name in maker.inputs if name in self.makers]
                found = [receipt for receipt in makers if receipt in trained]
                if not found:
                    raise UserError(f"{path}: measured without a training; the door re-measure is all there is for it.")
                return found[0]
        if not runs:
            raise UserError(f"{cell}: no receipt of a training is here at all; run from the top folder, after a run.")
        close = difflib.get_close_matches(words[0], runs, n=SHOWN, cutoff=0.5) or sorted(runs)[:SHOWN]
        raise UserError("\n  ".join([f"{cell}: no receipt of a training is there. Name a run folder, such as", *close]))

    def chain(self, receipt: Receipt) -> list[Receipt]:
        """The trainings that a training rests on, producers first, itself last."""
        reached, queue = set(), list(receipt.outputs)
        for path in queue:
            maker = self.makers.get(path)
            if maker and maker not in reached:
                reached.add(maker)
                queue += self.receipts[maker].inputs
        order = [path for path in receipts.producers_first(self.receipts, self.makers) if path in reached]
        return [self.receipts[path] for path in order if self.receipts[path].key["kind"] == "train"]

    def measured_with(self, receipt: Receipt) -> list[Receipt]:
        """The evaluations that read a network of this training."""
        every = [self.receipts[path] for path in sorted(self.receipts)]
        return [r for r in every if r.key["kind"] == "evaluate" and r.inputs.keys() & receipt.outputs.keys()]
