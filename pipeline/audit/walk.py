"""The walk over receipts: from a file to everything that it rests on, judged by hashes alone.

Computes every hash of every file that is here again, compares every key with params.yaml, code and lock of now, and
names what does not hold.
"""

import hashlib
from functools import cache
from pathlib import Path

from pipeline import files
from pipeline.audit.report import Node, Report
from pipeline.provenance import receipts
from pipeline.provenance.receipts import Reason


def audit(targets: list[str], key_of: receipts.KeyOf) -> Report:
    """Judge everything that `targets` rest on; `key_of(kind, wildcards)` is the key of a job as of now, as text."""
    report, found, tracked = Report(targets), receipts.collect(), receipts.tracked_files()
    keys = {path: receipts.key_reasons(receipt, key_of) for path, receipt in found.receipts.items()}
    report.makers = receipts.find_makers(found.receipts, keys)
    look = cache(content)

    def stray(path: str) -> str | None:
        receipt = f"{path}{receipts.SUFFIX}"
        if receipt in (tracked or ()) and receipt not in (*found.receipts, *found.broken):
            return f"has no receipt: git keeps {receipt}, but it is not here; `git checkout` it"
        return receipts.stray_input(path, tracked, found.broken)

    def judged(path: str) -> Node:
        receipt = found.receipts[path]
        reasons = keys[path] + receipts.content_reasons(receipt, found.receipts, report.makers, look, stray)
        missing = [output for output in receipt.outputs if look(output) is None]
        lost = [output for output in missing if output in (tracked or ())]
        reasons += [
            Reason("missing", output, "is kept by git, but it is not here; `git checkout` it") for output in lost
        ]
        needs = dict.fromkeys(report.makers[name] for name in receipt.inputs if name in report.makers)
        return Node(receipt, reasons, missing, list(needs))

    for target in targets:
        if look(target) is None:
            report.complaints.append(f"{target}: is not here. Fetch it, or make it with snakemake.")
        if target in report.makers:
            report.roots.append(report.makers[target])
        else:
            receipt = f"{target}{receipts.SUFFIX}"
            if receipt in found.broken:
                report.complaints.append(found.broken[receipt])
                continue
            lost = f" Git keeps {receipt}; `git checkout` it." if receipt in (tracked or ()) else ""
            report.complaints.append(f"{target}: no receipt says how it was made. Make it with snakemake.{lost}")
    queue = list(report.roots)
    while queue:
        path = queue.pop()
        if path not in report.nodes:
            report.nodes[path] = judged(path)
            queue += report.nodes[path].needs
    return report


def content(path: str) -> dict | None:
    """sha256, md5 and size of a file, computed now; None if it is not here."""
    if not Path(path).is_file():
        return None
    with open(path, "rb") as stream:
        md5 = hashlib.file_digest(stream, "md5").hexdigest()
    return {"sha256": files.sha256(path), "md5": md5, "size": Path(path).stat().st_size}
