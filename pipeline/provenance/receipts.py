"""Receipts of jobs: find them, judge them by content alone, order them producers first. Times are never looked at."""

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
LONGEST = 200  # characters of a setting that are told
NEEDED = {"kind", "wildcards", "settings", "code", "packages"}
FOLDERS = ("results", "data")
MADE_HERE = "results/"

KeyOf = Callable[[str, dict], str]
Look = Callable[[str], dict | None]
Stray = Callable[[str], str | None]


@dataclass(frozen=True)
class Receipt:
    """What a job said: its key, input path -> sha256, output path -> {sha256, md5, size}, and facts about the run."""

    path: str
    key: dict
    inputs: dict[str, str]
    outputs: dict[str, dict]
    run: dict
    seal: str | None

    @property
    def sealed(self) -> bool:
        """Whether every word is as its job wrote it."""
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
    """What lies below results/ and data/: receipts, receipts that cannot be read (path -> why), and all other files."""

    receipts: dict[str, Receipt] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)


def collect(folders: Iterable[str] = FOLDERS) -> Found:
    """Read every receipt below the folders; links to folders are followed."""
    found = Found()
    for folder in folders:
        for place, below, names in os.walk(folder, followlinks=True):
            if place == "data" and "raw" in below:
                below.remove("raw")  # files of others, hundreds of thousands; none is a receipt
            for name in names:
                path = f"{place}/{name}"
                if not name.endswith(SUFFIX):
                    found.others.add(path)
                    continue
                try:
                    found.receipts[path] = read(path)
                except UserError as error:
                    found.broken[path] = str(error)
    return found


def read(path: str) -> Receipt:
    """One receipt; UserError when it is not JSON or not of a receipt's shape."""
    content = files.read_json(path)
    try:
        key, inputs, outputs, run = (dict(content[name]) for name in ("key", "inputs", "outputs", "run"))
        # Receipts of earlier versions lack fields: they do not hold, but they can be read.
        whole = NEEDED <= set(key) <= KEY_FIELDS and isinstance(key["wildcards"], dict)
        whole &= isinstance(key["code"], dict) and set(key["code"]) == {"modules", "sha256"}
        whole &= all(set(entry) == {"sha256", "md5", "size"} for entry in outputs.values())
        whole &= all(isinstance(value, str) for value in inputs.values())
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole or path.removesuffix(SUFFIX) not in outputs:
        raise UserError(f"{path}: not the receipt of {path.removesuffix(SUFFIX)}. Delete it; its job will run again.")
    return Receipt(path, key, inputs, outputs, run, content.get("seal"))


def judge(found: Found, key_of: KeyOf, look: Look, stray: Stray) -> tuple[dict[str, list[Reason]], dict[str, str]]:
    """Receipt -> reasons why it does not hold (none: it holds), producers first; and path -> receipt of its maker.

    `key_of(kind, wildcards)` is the key as of now in canonical JSON, `look(path)` a file's content as {sha256, …} or
    None if it is not here, `stray(path)` a complaint about an input that no receipt claims.
    """
    reasons = {path: key_reasons(receipt, key_of) for path, receipt in found.receipts.items()}
    makers = assign(found.receipts, reasons)
    for path, receipt in found.receipts.items():
        reasons[path] += content_reasons(receipt, found.receipts, makers, look, stray)
    return {path: reasons[path] for path in producers_first(found.receipts, makers)}, makers


def key_reasons(receipt: Receipt, key_of: KeyOf) -> list[Reason]:
    """How the key of a receipt differs from the key of the same job as of now."""
    then, kind = receipt.key, receipt.key["kind"]
    try:
        text = key_of(kind, then["wildcards"])
    except (UserError, LookupError) as error:
        # A method, camera or table that was taken out of params.yaml leaves receipts behind that nothing asks for.
        return [Reason("setting", kind, f"no longer follows from params.yaml ({error})")]
    if text == files.canonical_json(then):
        return []
    now = json.loads(text)
    if files.canonical_json(now) == files.canonical_json(then):
        return []  # JSON turns numbers that name things into text, and that may sort them in another order.
    if set(then) != set(now):
        return [Reason("receipt", receipt.path, "was written by another version of this pipeline")]
    reasons = [Reason("setting", *change) for change in differences(then["settings"], now["settings"], kind)]
    reasons += [Reason("setting", *change) for change in differences(then["files"], now["files"], f"{kind}.files")]
    if then["wildcards"] != now["wildcards"]:
        reasons.append(Reason("receipt", receipt.path, "has wildcards that its job does not have"))
    if then["code"] != now["code"]:
        reasons.append(Reason("code", ", ".join(_changed_modules(receipt, now)), "changed since the job ran"))
    if then["packages"] != now["packages"]:
        names = ", ".join((now["packages"] or then["packages"])["names"])
        reasons.append(Reason("packages", names, "or what they need are locked in other versions than the job's"))
    if then["shell"] != now["shell"]:
        reasons.append(Reason("code", f"shell line of kind {kind}", "changed since the job ran"))
    # Keys that differ only in spelling (1 and 1.0) still differ.
    return reasons or [Reason("receipt", receipt.path, "has another key than its job has now")]


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
    """A list in which one would not see what differs: of things with parts of their own, or a long one."""
    return isinstance(value, list) and (
        any(isinstance(item, dict | list) for item in value) or len(files.canonical_json(value)) > LONGEST
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


ABSENT = object()


def _changed_modules(receipt: Receipt, now: dict) -> list[str]:
    """Names of the modules that changed, as far as the receipt's information tells."""
    then = receipt.run.get("modules", {})
    try:
        today = {name: value[:16] for name, value in fingerprint.closure(now["code"]["modules"]).items()}
    except UserError:
        today = {}
    changed = sorted(name for name in then.keys() | today.keys() if then.get(name) != today.get(name))
    return changed if then and changed else now["code"]["modules"]


def assign(receipts: dict[str, Receipt], reasons: dict[str, list[Reason]]) -> dict[str, str]:
    """Output -> receipt of its maker; a receipt whose key is of now goes before one left behind by an older job."""
    makers: dict[str, str] = {}
    for path in sorted(receipts, key=lambda path: (bool(reasons[path]), path)):
        for output in receipts[path].outputs:
            makers.setdefault(output, path)
    return makers


def content_reasons(
    receipt: Receipt, receipts: dict[str, Receipt], makers: dict[str, str], look: Look, stray: Stray
) -> list[Reason]:
    """Files that are not what the receipt says. A file that is not here is judged by its maker's receipt alone."""
    reasons = []
    for path, then in receipt.outputs.items():
        now = look(path)
        if now is not None and any(now[name] != then[name] for name in now):
            reasons.append(Reason("output", path, f"is not what its job wrote ({_change(then, now)})"))
    for path, sha256 in receipt.inputs.items():
        now, maker = look(path), makers.get(path)
        if maker is None:
            complaint = stray(path)
            reasons += [Reason("origin", path, complaint)] if complaint else []
        elif receipts[maker].outputs[path]["sha256"] != sha256:
            reasons.append(Reason("input", path, f"is not what {maker} says; the job read another version"))
        if now is not None and now["sha256"] != sha256:
            reasons.append(Reason("input", path, f"is not what the job read ({_change({'sha256': sha256}, now)})"))
    if not receipt.sealed:
        text = "was changed after its job wrote it; restore it with git, or delete it and its job runs again"
        reasons.append(Reason("receipt", receipt.path, text))
    return reasons


def _change(then: dict, now: dict) -> str:
    name = next(name for name in now if name in then and now[name] != then[name])
    return f"{name} {str(then[name])[:12]} -> {str(now[name])[:12]}"


def stray_input(path: str, tracked: set[str] | None, broken: dict[str, str]) -> str | None:
    """What is wrong with an input that no receipt claims; None for a file that git or DVC keeps.

    `tracked`: files that git keeps; None where that is not to be asked (no repository, or a rerun could not cure it).
    """
    if f"{path}{SUFFIX}" in broken:
        return f"has a receipt that cannot be read ({broken[path + SUFFIX]})"
    if any(Path(f"{place}.dvc").is_file() for place in (path, *Path(path).parents)):
        return None
    if path.startswith(MADE_HERE) or not Path(path).exists():
        return f"has no receipt that says how it was made{_suspects(broken)}"
    if tracked is not None and path not in tracked:
        return f"comes from nowhere: no receipt says how it was made, neither git nor DVC keeps it{_suspects(broken)}"
    return None


def _suspects(broken: dict[str, str]) -> str:
    """Receipts that cannot be read: one of them may be the one that is missed."""
    return f" (cannot be read: {', '.join(sorted(broken))})" if broken else ""


def tracked_files() -> set[str] | None:
    """Paths that git keeps, relative to here; None outside a repository or without git."""
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
