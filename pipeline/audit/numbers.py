"""From each number of a table to its fields: the table is made again from its metrics files and compared with its files."""

import json
import math
from pathlib import Path

import numpy as np

from pipeline.audit import printed
from pipeline.audit.cells import ABSENT, FAILS, HOLDS, Checked, Number, listed
from pipeline.audit.report import Report
from pipeline.errors import UserError
from pipeline.files import read_json
from pipeline.printing.document import Document
from pipeline.provenance.receipts import SUFFIX, KeyOf
from pipeline.settings import build
from pipeline.tables import records as tables
from pipeline.tables.scores import Reported, Scores
from pipeline.tables.settings import TableSettings

# The last digits of a mean depend on the processor; of a file that is not its job's, every digit counts.
CLOSE = 1e-9


def check(report: Report, path: str, key_of: KeyOf) -> Checked:
    """Look into the table of one receipt: its numbers, their problems, and complaints that belong to no number.

    Nothing of it is trusted: means are computed again, the files are read as they lie here. What was
    asked for is what the receipt says; if that was changed by hand, what params.yaml asks for now.
    """
    receipt, reasons = report.nodes[path].receipt, report.nodes[path].reasons
    checked = Checked(path.removesuffix(SUFFIX))
    if any(reason.kind == "code" for reason in reasons):
        checked.complaints.append(
            f"{checked.target}: its numbers cannot be followed, the code that prints them changed"
        )
        return checked
    try:
        key = receipt.key if receipt.sealed else json.loads(key_of(receipt.key["kind"], receipt.key["wildcards"]))
        scores, reported, wrong = _scores(report, key)
        document, records = tables.document_of(scores, reported), tables.records(scores, reported)
        checked.complaints += _unexplained(checked.target, key, key_of)
    except (UserError, LookupError) as error:
        checked.complaints.append(f"{checked.target}: its numbers cannot be followed: {error}")
        return checked
    checked.rows = listed(document)
    checked.complaints += _compared(report, key["files"]["outputs"], checked.rows, document, records)
    for number in checked.numbers:
        number.problems += [text for file in number.files for text in wrong.get(file, ())]
        number.chain = [report.makers[file] for file in number.files if file in report.makers]
        number.mark = _mark(report, number)
    shown = {text for number in checked.numbers for text in number.problems}
    checked.complaints += [text for texts in wrong.values() for text in texts if text not in shown]
    return checked


def _scores(report: Report, key: dict) -> tuple[Scores, Reported | None, dict[str, list[str]]]:
    """The numbers that follow from the per-image values, reported ones, and metrics file -> complaints."""
    settings = build(TableSettings, key["settings"])
    contents: dict[str, dict] = {}
    wrong: dict[str, list[str]] = {}
    for path in dict.fromkeys(cell.metrics for cell in settings.cells if cell.metrics):
        maker = report.nodes[report.makers[path]] if path in report.makers else None
        altered = maker is None or any(reason.what == path for reason in maker.reasons)
        contents[path], wrong[path] = follow(path, exact=altered)
    scores = Scores(settings, contents.__getitem__)
    named = key["files"]["inputs"].get("reported")
    return scores, Reported(Path(named)) if settings.reported and named else None, wrong


def _unexplained(target: str, key: dict, key_of: KeyOf) -> list[str]:
    """Complaints of cells that the table leaves out for want of images, though params.yaml says that they are there."""

    def cells(content: dict) -> dict[tuple, str | None]:
        named = ("method", "setting", "source", "target", "seed")
        return {tuple(cell[name] for name in named): cell["metrics"] for cell in content["settings"]["cells"]}

    absent = [place for place, metrics in cells(key).items() if metrics is None]
    now = cells(json.loads(key_of(key["kind"], key["wildcards"]))) if absent else {}
    return [
        f"{target}: a dash for {method}, setting {setting}, {source} → {other}, seed {seed} has no reason: params.yaml leaves "
        "out no camera that it needs"
        for method, setting, source, other, seed in absent
        if now.get((method, setting, source, other, seed)) is not None
    ]


def _compared(
    report: Report, paths: dict[str, str], rows: list[list[Number]], document: Document, records: list[dict]
) -> list[str]:
    """Complaints of all forms of the table that are here."""
    complaints = []
    for form, expected in tables.forms(document, records).items():
        path = paths[form]
        if not Path(path).is_file():
            continue
        try:
            text = Path(path).read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            complaints.append(f"{path}: is not text ({error})")
            continue
        if text == expected:
            continue
        if form == "csv":
            vouched = not any(reason.what == path for node in report.nodes.values() for reason in node.reasons)
            complaints += printed.table_csv(path, text, expected, exact=not vouched)
        else:
            compare = printed.tex if form == "tex" else printed.html
            complaints += compare(path, text, expected, document, rows)
    return complaints


def _mark(report: Report, number: Number) -> str:
    marks = {report.nodes[name].mark for path in number.chain for name in report.below(path)}
    if number.problems or FAILS in marks:
        return FAILS
    return ABSENT if ABSENT in marks else HOLDS


def follow(path: str | Path, exact: bool) -> tuple[dict, list[str]]:
    """A metrics file's content with the means that follow from its images, and complaints; `exact`: compare every digit.

    Raises UserError for another kind of file.
    """
    content = read_json(path)
    complaints = []
    try:
        for metric in content["mean"]:
            stored = float(content["mean"][metric])
            follows = float(np.mean([float(values[metric]) for values in content["images"].values()]))
            if stored != follows and (exact or not math.isclose(stored, follows, rel_tol=CLOSE, abs_tol=CLOSE)):
                complaints.append(f"{path}: mean.{metric} says {stored}, its images say {follows}")
                content["mean"][metric] = follows
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not a metrics file ({error!r}). Restore it with git, or evaluate again.") from error
    return content, complaints
