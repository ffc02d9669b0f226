"""Bring what receipts say into Snakemake's own records, before it builds its graph.

Snakemake judges by file times and by records of its own last run, which a fresh clone does not have. Before it builds
its graph, `sync` writes those records from the receipts: one that holds makes its job look done, with file times in
order; one that does not makes Snakemake's own "params have changed" fire and names the reason. Snakemake then decides
as always.
"""

import json
import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path

from pipeline import files
from pipeline.errors import UserError
from pipeline.plan.keys import key
from pipeline.provenance import receipts
from pipeline.workflow import folder_lock

FOLDER = Path(".snakemake")
CACHE = FOLDER / "receipt_hashes.json"
# A file written again within one tick of the clock of a file system may keep its state; remember only older ones.
SETTLED_NS = 2 * 10**9


def sync(params: dict, rules: Iterable = ()) -> bool:
    """Bring Snakemake's records in line with the receipts; to be called in the main process, after the last rule.

    Returns whether it did: while another Snakemake works in this folder, its records are the truth.

    `rules` is `workflow.rules`: with it, a present output whose receipt is missing is remade too. Every rule with a
    receipt has one tracked param, the canonical JSON of its key, and passes all its inputs to its job. Raises UserError
    for the receipt of one of the rules that cannot be read (after a merge, for example: made anew it would cost a job
    that may take days), and for another version of Snakemake than this was written for.
    """
    rules = list(rules)
    if folder_lock.holder():
        return False
    database, record_type, version = _internals()
    found = receipts.collect()
    if unreadable := [text for path, text in found.broken.items() if _made_by(path, rules)]:
        raise UserError("\n".join(unreadable))
    hashes = HashCache(CACHE)
    keys: dict[tuple, str] = {}

    def key_of(kind: str, wildcards: dict) -> str:
        job = (kind, *wildcards.items())
        if job not in keys:
            keys[job] = files.canonical_json(key(params, kind, wildcards))
        return keys[job]

    verdicts, makers = receipts.judge(
        found, key_of, hashes.look, lambda path: receipts.stray_input(path, None, found.broken)
    )
    interrupted = any((FOLDER / "incomplete").iterdir())
    for path, reasons in verdicts.items():
        receipt = found.receipts[path]
        outputs = [*receipt.outputs, path]
        if reasons:
            told = f"its receipt does not hold: {'; '.join(map(str, reasons))}"
        else:
            told = key_of(receipt.key["kind"], receipt.key["wildcards"])
        _write(database, record_type, version, receipt, outputs, told)
        if not reasons:
            _raise_times(receipt.inputs, outputs, hashes)
            for output in database._filter_incomplete_keys(outputs) if interrupted else ():
                database._unmark_incomplete(output)
    for outputs in _without_receipt(found.others - makers.keys(), rules):
        _write(database, record_type, version, None, outputs, "no receipt says how this was made")
    hashes.save()
    return True


class HashCache:
    """Content of files, hashed again only when size, times or inode changed. For planning only, never for an audit."""

    def __init__(self, path: Path):
        self.path, self.changed, self.seen = path, False, {}
        self.known: dict[str, list] = {}
        if path.exists():
            try:
                self.known = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                # Only a cache: a damaged one is made again.
                self.changed = True

    def look(self, path: str) -> dict | None:
        """{sha256, size} of a file, None if it is not here."""
        if path not in self.seen:
            self.seen[path] = self._look(path)
        return self.seen[path]

    def _look(self, path: str) -> dict | None:
        status = _status(path)
        if status is None:
            return None
        state = _state(status)
        entry = self.known.get(path)
        if entry is None or entry[1:] != state:
            entry = [files.sha256(path), *state]
            self._keep(path, entry)
        return {"sha256": entry[0], "size": status.st_size}

    def moved(self, path: str) -> None:
        """A file's time was set, its content was not: keep its hash."""
        if path in self.known and (status := _status(path)):
            self._keep(path, [self.known[path][0], *_state(status)])

    def _keep(self, path: str, entry: list) -> None:
        self.known[path], self.changed = entry, True

    def save(self) -> None:
        """Write the cache if anything changed, without files that are gone or too young to be sure of."""
        young = time.time_ns() - SETTLED_NS
        kept = {path: entry for path, entry in self.known.items() if self.seen.get(path) and max(entry[2:4]) < young}
        if self.changed or len(kept) != len(self.known):
            files.write_text(self.path, json.dumps(kept))


def _internals():
    """Snakemake's file persistence opened on this folder, its record type and format version."""
    try:
        from snakemake.persistence import RECORD_FORMAT_VERSION, MetadataRecord
        from snakemake.persistence.file import FilePersistence
    except ImportError as error:
        raise UserError(
            f"Snakemake keeps its records elsewhere than this pipeline knows ({error}). Install the version that "
            "requirements.lock names; `python -m pipeline.audit TABLE` works with any."
        ) from error
    return FilePersistence(nolock=True, path=FOLDER.absolute()), MetadataRecord, RECORD_FORMAT_VERSION


def _write(database, record_type, version, receipt: receipts.Receipt | None, outputs: list[str], told: str) -> None:
    """Write the records of a job's outputs, all of them: Snakemake ignores a job that lacks one."""
    params = [repr(told)]
    inputs = sorted(receipt.inputs) if receipt else None
    for output in outputs:
        record = database._read_record(output)
        if record is not None and record.params == params and (inputs is None or record.input == inputs):
            continue
        record = record or record_type()
        record.params, record.record_format_version, record.incomplete = params, version, False
        if receipt:
            record.rule, record.input = record.rule or receipt.key["kind"], inputs
            record.input_checksums = {path: f"sha256:{value}" for path, value in receipt.inputs.items()}
        database._write_record(output, record)


def _raise_times(inputs: Iterable[str], outputs: list[str], hashes: HashCache) -> None:
    """Make no present output older than the newest present input; contents are known to be right.

    Times of links (DVC can link files to its cache) as Snakemake sees them: an input is as new as the newer of link and
    target, an output as old as its link.
    """
    newest = max(
        (_newest_time(path, status) for path in inputs if (status := _status(path, of_target=False))), default=0
    )
    for path in outputs:
        status = _status(path, of_target=False)
        if status is None or status.st_mtime_ns >= newest:
            continue
        try:
            os.utime(path, ns=(status.st_atime_ns, newest), follow_symlinks=False)
        except PermissionError as error:
            raise UserError(
                f"{path}: its time cannot be set, because another user owns it; without that Snakemake would make it "
                "again. Run as its owner, or work on a copy of your own."
            ) from error
        hashes.moved(path)


def _without_receipt(present: set[str], rules: Iterable) -> Iterable[list[str]]:
    """Outputs of every job that a present file says has run, though no receipt does. Files that DVC keeps are data."""
    told: set[tuple[str, ...]] = set()
    for rule in rules:
        if not any(str(output).endswith(receipts.SUFFIX) for output in rule.output):
            continue
        for path in present:
            for match in filter(None, (output.match(path) for output in rule.output)):
                wildcards = match.groupdict()
                outputs = tuple(str(output.apply_wildcards(wildcards)) for output in rule.output)
                if outputs not in told and receipts.stray_input(path, set(), {}):
                    told.add(outputs)
                    yield list(outputs)


def _made_by(receipt: str, rules: list) -> bool:
    """Whether a rule writes this receipt; others (a copy of a run's folder, say) concern nobody. True without rules."""
    return not rules or any(output.match(receipt) for rule in rules for output in rule.output)


def _status(path: str, of_target: bool = True) -> os.stat_result | None:
    try:
        return os.stat(path, follow_symlinks=of_target)  # noqa: PTH116 (thousands of files; half the time of Path.stat)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _newest_time(path: str, status: os.stat_result) -> int:
    target = _status(path) if stat.S_ISLNK(status.st_mode) else None
    return max(status.st_mtime_ns, target.st_mtime_ns) if target else status.st_mtime_ns


def _state(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
