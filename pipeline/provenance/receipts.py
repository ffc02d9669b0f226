"""Find the receipts of jobs, judge them by content alone (never by time), and order them producers first."""

import json
import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pipeline import files
from pipeline.errors import UserError
from pipeline.provenance import fingerprint
from pipeline.provenance.job import KEY_FIELDS, seal

SUFFIX = ".receipt.json"
LONGEST = 200  # characters of a setting that a message shows
NEEDED = {"kind", "wildcards", "settings", "code", "packages"}
FOLDERS = ("results", "data")
MADE_HERE = "results/"

KeyOf = Callable[[str, dict], str]
Look = Callable[[str], dict | None]
Stray = Callable[[str], str | None]


@dataclass(frozen=True)
class Receipt:
    """Content of a receipt: key, input path -> sha256, output path -> {sha256, md5, size}, facts about the run, seal."""

    path: str
    key: dict
    inputs: dict[str, str]
    outputs: dict[str, dict]
    run: dict
    seal: str | None

    @property
    def sealed(self) -> bool:
        """Whether the receipt is unchanged since its job wrote it."""
        return self.seal == seal(vars(self))


class Reason(NamedTuple):
    """Why a receipt does not hold. `kind` is one of setting, code, packages, receipt, output, input, origin."""

    kind: str
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.what} {self.text}"


@dataclass
class Found:
    """Files below results/ and data/: receipts, unreadable receipts (path -> error), and all other files."""

    receipts: dict[str, Receipt] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)


def collect(folders: Iterable[str] = FOLDERS) -> Found:
    """Read every receipt below the folders; links to folders are followed."""
    found = Found()
    for folder in folders:
        for parent, below, names in os.walk(folder, followlinks=True):
            if parent == "data" and "raw" in below:
                below.remove("raw")  # hundreds of thousands of downloaded files, none of them a receipt
            for name in names:
                path = f"{parent}/{name}"
                if not name.endswith(SUFFIX):
                    found.others.add(path)
                    continue
                try:
                    found.receipts[path] = read(path)
                except UserError as error:
                    found.broken[path] = str(error)
    return found


def read(path: str) -> Receipt:
    """Read one receipt; UserError when it is not JSON or lacks the fields of a receipt."""
    content = files.read_json(path)
    try:
        key, inputs, outputs, run = (dict(content[name]) for name in ("key", "inputs", "outputs", "run"))
        # Receipts of earlier versions lack fields: they are read, and judged invalid later.
        valid = NEEDED <= set(key) <= KEY_FIELDS and isinstance(key["wildcards"], dict)
        valid &= isinstance(key["code"], dict) and set(key["code"]) == {"modules", "sha256"}
        valid &= all(set(entry) == {"sha256", "md5", "size"} for entry in outputs.values())
        valid &= all(isinstance(value, str) for value in inputs.values())
    except (KeyError, TypeError, ValueError):
        valid = False
    if not valid or path.removesuffix(SUFFIX) not in outputs:
        raise UserError(f"{path}: not the receipt of {path.removesuffix(SUFFIX)}. Delete it; its job will run again.")
    return Receipt(path, key, inputs, outputs, run, content.get("seal"))


def judge(found: Found, key_of: KeyOf, look: Look, stray: Stray) -> tuple[dict[str, list[Reason]], dict[str, str]]:
    """(receipt -> reasons why it is invalid, empty for a valid one, producers first; output -> receipt of its maker).

    `key_of(kind, wildcards)` gives the key of today in canonical JSON, `look(path)` the hashes of a file as {sha256, …} or
    None if it is missing, `stray(path)` a complaint about an input that no receipt claims.
    """
    reasons = {path: key_reasons(receipt, key_of) for path, receipt in found.receipts.items()}
    makers = find_makers(found.receipts, reasons)
    for path, receipt in found.receipts.items():
        reasons[path] += content_reasons(receipt, found.receipts, makers, look, stray)
    return {path: reasons[path] for path in producers_first(found.receipts, makers)}, makers


def key_reasons(receipt: Receipt, key_of: KeyOf) -> list[Reason]:
    """Reasons why a receipt's key is not the key that its job would have today."""
    recorded, kind = receipt.key, receipt.key["kind"]
    try:
        text = key_of(kind, recorded["wildcards"])
    except (UserError, LookupError) as error:
        # The method, camera or table was removed from params.yaml after the job ran.
        return [Reason("setting", kind, f"no longer follows from params.yaml ({error})")]
    if text == files.canonical_json(recorded):
        return []
    current = json.loads(text)
    if files.canonical_json(current) == files.canonical_json(recorded):
        return []  # JSON turns numeric names into text, which may sort in another order.
    if set(recorded) != set(current):
        return [Reason("receipt", receipt.path, "was written by another version of this pipeline")]
    reasons = [Reason("setting", *change) for change in differences(recorded["settings"], current["settings"], kind)]
    reasons += [
        Reason("setting", *change) for change in differences(recorded["files"], current["files"], f"{kind}.files")
    ]
    if recorded["wildcards"] != current["wildcards"]:
        reasons.append(Reason("receipt", receipt.path, "has wildcards that its job does not have"))
    if recorded["code"] != current["code"]:
        reasons.append(Reason("code", ", ".join(_changed_modules(receipt, current)), "changed since the job ran"))
    if recorded["packages"] != current["packages"]:
        names = ", ".join((current["packages"] or recorded["packages"])["names"])
        reasons.append(Reason("packages", names, "or their dependencies are now locked in other versions"))
    if recorded["shell"] != current["shell"]:
        reasons.append(Reason("code", f"shell line of kind {kind}", "changed since the job ran"))
    # Keys that differ only in spelling (1 and 1.0) are different keys.
    return reasons or [Reason("receipt", receipt.path, "has another key than its job has today")]


def differences(old: object, new: object, place: str) -> list[tuple[str, str]]:
    """(dotted name, `old -> new`) of every value that differs between two nested settings."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = sorted(old.keys() | new.keys())
        parts = (differences(old.get(name, ABSENT), new.get(name, ABSENT), f"{place}.{name}") for name in names)
        return [change for part in parts for change in part]
    if _nested(old) and _nested(new) and len(old) == len(new):
        parts = (differences(*pair, f"{place}.{index}") for index, pair in enumerate(zip(old, new, strict=True)))
        return [change for part in parts for change in part]
    shown = ["(absent)" if value is ABSENT else files.canonical_json(value) for value in (old, new)]
    return [] if shown[0] == shown[1] else [(place, " -> ".join(map(_short, shown)))]


def _nested(value: object) -> bool:
    """Whether a value is a list of dicts or lists, or a long list, whose items must be compared one by one."""
    return isinstance(value, list) and (
        any(isinstance(item, dict | list) for item in value) or len(files.canonical_json(value)) > LONGEST
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


ABSENT = object()


def _changed_modules(receipt: Receipt, now: dict) -> list[str]:
    """Names of the modules that changed; all modules of the job if the receipt does not list module hashes."""
    then = receipt.run.get("modules", {})
    try:
        today = {name: value[:16] for name, value in fingerprint.closure(now["code"]["modules"]).items()}
    except UserError:
        today = {}
    changed = sorted(name for name in then.keys() | today.keys() if then.get(name) != today.get(name))
    return changed if then and changed else now["code"]["modules"]


def find_makers(receipts: dict[str, Receipt], reasons: dict[str, list[Reason]]) -> dict[str, str]:
    """Output -> receipt of its maker. If two receipts claim an output, the one with a current key wins."""
    makers: dict[str, str] = {}
    for path in sorted(receipts, key=lambda path: (bool(reasons[path]), path)):
        for output in receipts[path].outputs:
            makers.setdefault(output, path)
    return makers


def content_reasons(
    receipt: Receipt, receipts: dict[str, Receipt], makers: dict[str, str], look: Look, stray: Stray
) -> list[Reason]:
    """Reasons from files whose content is not that of the receipt. A missing file is judged by its maker's receipt alone."""
    reasons = []
    for path, expected in receipt.outputs.items():
        actual = look(path)
        if actual is not None and any(actual[name] != expected[name] for name in actual):
            reasons.append(Reason("output", path, f"is not what its job wrote ({_change(expected, actual)})"))
    for path, sha256 in receipt.inputs.items():
        actual, maker = look(path), makers.get(path)
        if maker is None:
            complaint = stray(path)
            reasons += [Reason("origin", path, complaint)] if complaint else []
        elif receipts[maker].outputs[path]["sha256"] != sha256:
            reasons.append(Reason("input", path, f"is not what {maker} says; the job read another version"))
        if actual is not None and actual["sha256"] != sha256:
            reasons.append(Reason("input", path, f"is not what the job read ({_change({'sha256': sha256}, actual)})"))
    if not receipt.sealed:
        text = "was changed after its job wrote it; restore it with git, or delete it and its job runs again"
        reasons.append(Reason("receipt", receipt.path, text))
    return reasons


def _change(expected: dict, actual: dict) -> str:
    name = next(name for name in actual if name in expected and actual[name] != expected[name])
    return f"{name} {str(expected[name])[:12]} -> {str(actual[name])[:12]}"


def stray_input(path: str, tracked: set[str] | None, broken: dict[str, str]) -> str | None:
    """Complaint about an input that no receipt claims; None for a file that git or DVC keeps.

    `tracked`: files that git keeps; None to accept untracked files (no repository, or a rerun could not help).
    """
    if f"{path}{SUFFIX}" in broken:
        return f"has a receipt that cannot be read ({broken[path + SUFFIX]})"
    if any(Path(f"{place}.dvc").is_file() for place in (path, *Path(path).parents)):
        return None
    if path.startswith(MADE_HERE) or not Path(path).exists():
        return f"has no receipt that says how it was made{_suspects(broken)}"
    if tracked is not None and path not in tracked:
        return f"has no known origin: no receipt says how it was made, neither git nor DVC keeps it{_suspects(broken)}"
    return None


def _suspects(broken: dict[str, str]) -> str:
    """Text that lists unreadable receipts: one of them may be the missing one."""
    return f" (cannot be read: {', '.join(sorted(broken))})" if broken else ""


def tracked_files() -> set[str] | None:
    """Paths that git keeps, relative to the current folder; None outside a repository or without git."""
    try:
        result = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return set(result.stdout.split("\0")) if result.returncode == 0 else None


def producers_first(receipts: dict[str, Receipt], makers: dict[str, str]) -> list[str]:
    """Receipt paths, each after the receipts of its inputs."""
    order: dict[str, None] = {}
    entered: set[str] = set()
    for start in sorted(receipts):
        stack = [(start, False)]
        while stack:
            path, inputs_done = stack.pop()
            if inputs_done:
                order.setdefault(path)
            elif path not in entered:
                entered.add(path)
                stack.append((path, True))
                stack += [(makers[name], False) for name in receipts[path].inputs if name in makers]
    return list(order)
