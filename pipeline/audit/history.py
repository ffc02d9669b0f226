"""What git knows about a change: the committed version of a file under which a receipt holds, and how today's differs.

Only for naming: a version is believed when its hash, or the key that follows from it, is the one in the receipt.
"""

import copy
import hashlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

from pipeline import files
from pipeline.audit.report import Report
from pipeline.errors import UserError
from pipeline.plan import keys, settings_files
from pipeline.plan.nodes import plain
from pipeline.provenance import environment
from pipeline.provenance.receipts import Receipt

VERSIONS = 50  # of each file, newest first
FILES = 20  # changed files that are looked up
LARGEST = 2_000_000  # bytes of a file that is worth comparing
MOST = 20  # changes told of the settings
SHOWN = 3  # changes told of one file
LENGTH = 300  # characters of a value, around what differs
GONE = object()


def changes(report: Report, now: dict, params_path: str) -> list[str]:
    """Lines `file: what old -> new` for settings, locked packages and small files that receipts name otherwise."""
    found: dict[str, None] = {}
    altered: dict[str, str] = {}
    for node in report.nodes.values():
        kinds = {reason.kind for reason in node.reasons}
        if "setting" in kinds:
            found |= dict.fromkeys(f"{params_path}: {line}" for line in _settings(node.receipt, now, params_path))
        if "packages" in kinds and node.receipt.key["packages"]:
            found |= dict.fromkeys(f"{environment.LOCK}: {line}" for line in _packages(**node.receipt.key["packages"]))
        for reason in node.reasons:
            if reason.kind in ("output", "input"):
                output = node.receipt.outputs.get(reason.what, {}).get("sha256")
                altered.setdefault(reason.what, output or node.receipt.inputs[reason.what])
    for path, sha256 in list(altered.items())[:FILES]:
        found |= dict.fromkeys(f"{path}: {line}" for line in _content(path, sha256))
    return list(found)


@cache
def _commits(*paths: str) -> tuple[str, ...]:
    """Commits that changed files or folders, newest first; none outside a repository."""
    return tuple(_git("log", "--format=%H", f"-{VERSIONS}", "--", *paths).decode().split())


@cache
def _committed(commit: str, path: str) -> bytes:
    return _git("show", f"{commit}:./{path}")


def _git(*words: str) -> bytes:
    try:
        done = subprocess.run(["git", "--no-optional-locks", *words], capture_output=True, check=False)
    except FileNotFoundError:
        return b""
    return done.stdout if done.returncode == 0 else b""


def _settings(receipt: Receipt, now: dict, path: str) -> Iterator[str]:
    """Leaves of the settings that this receipt's key rests on and that are not as they were for its job."""
    then = _text({name: receipt.key.get(name) for name in ("settings", "files")})
    stage, wildcards = receipt.key["stage"], receipt.key["wildcards"]
    for commit in _commits(path, str(Path(path).with_name("params"))):
        old = _committed_settings(commit, path)
        if old is None or _rests_on(old, stage, _text(wildcards)) != then:
            continue
        for place, before, after in _leaves(old, now, ()):
            reverted = copy.deepcopy(now)
            _put(reverted, place, before)
            if _rests_on(reverted, stage, _text(wildcards)) != _rests_on(now, stage, _text(wildcards)):
                yield _line(place, before, after)
        return


@cache
def _committed_settings(commit: str, path: str) -> dict | None:
    try:
        return plain(settings_files.read(path, reader=lambda file: _committed(commit, file.as_posix()) or None))
    except UserError:
        return None


def _rests_on(params: dict, stage: str, wildcards: str) -> str | None:
    """Settings and files of a key, as text; None where no such job follows."""
    try:
        key = keys.key(params, stage, json.loads(wildcards))
    except (UserError, LookupError, TypeError, AttributeError, ValueError):
        # An older version of the settings may have another shape than today's code reads.
        return None
    return _text(json.loads(_text({name: key.get(name) for name in ("settings", "files")})))


def _packages(names: list[str], sha256: str) -> Iterator[str]:
    """Packages that are locked in other versions than in the lock with that hash."""
    for commit in _commits(environment.LOCK):
        with tempfile.NamedTemporaryFile(suffix=".lock") as file:
            Path(file.name).write_bytes(_committed(commit, environment.LOCK))
            try:
                if environment.packages_hash(file.name, names) != sha256:
                    continue
                before, after = environment.locked(file.name, names), environment.locked(environment.LOCK, names)
            except UserError:
                continue
        shown = [_versions(lock) for lock in (before, after)]
        yield from (_line(place, old, new) for place, old, new in _leaves(*shown, ()))
        return


def _versions(lock: dict[str, tuple[tuple[str, str], ...]]) -> dict[str, str]:
    return {name: ", ".join(" ".join(choice).strip() for choice in choices) for name, choices in lock.items()}


def _content(path: str, sha256: str) -> list[str]:
    """How a file differs from the committed version that has the hash: values of JSON and YAML, else lines."""
    if not Path(path).is_file() or Path(path).stat().st_size > LARGEST:
        return []
    fitting = (_committed(commit, path) for commit in _commits(path))
    before = next((text for text in fitting if hashlib.sha256(text).hexdigest() == sha256), None)
    if before is None:
        return []
    pair = [_structure(path, text) for text in (before, Path(path).read_bytes())]
    lines = [_line(place, old, new) for place, old, new in _leaves(*pair, ())]
    return lines[:SHOWN] + ([f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])


def since_commit(path: str) -> list[str]:
    """Lines `file: what old -> new` against the newest committed version of a file; none without git or difference."""
    texts = [_committed(commit, path) for commit in _commits(path)[:1]]
    if not texts or not Path(path).is_file():
        return []
    pair = [_structure(path, text) for text in (*texts, Path(path).read_bytes())]
    return [f"{path}: {_line(*leaf)} since the last commit" for leaf in list(_leaves(*pair, ()))[:MOST]]


def _structure(path: str, text: bytes) -> object:
    try:
        if path.endswith(".json"):
            return json.loads(text)
        if path.endswith((".yaml", ".yml")):
            return yaml.safe_load(text)
    except (ValueError, yaml.YAMLError):
        pass  # not readable any more: compare its lines
    return {f"line {number}": line for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), 1)}


def _leaves(old: object, new: object, place: tuple) -> Iterator[tuple[tuple, object, object]]:
    """(path, old, new) of every value that differs; lists of one length are compared item by item."""
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        old, new = dict(enumerate(old)), dict(enumerate(new))
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*old, *new]):
            yield from _leaves(old.get(name, GONE), new.get(name, GONE), (*place, name))
    elif old is GONE or new is GONE or _text(old) != _text(new):
        yield place, old, new


def _put(params: dict, place: tuple, value: object) -> None:
    for name in place[:-1]:
        params = params[name]
    if value is GONE:
        del params[place[-1]]
    else:
        params[place[-1]] = value


def _line(place: tuple, old: object, new: object) -> str:
    shown = ["(absent)" if value is GONE else value if isinstance(value, str) else _text(value) for value in (old, new)]
    if max(map(len, shown)) > LENGTH:
        first = next((i for i, pair in enumerate(zip(*shown, strict=False)) if pair[0] != pair[1]), 0)
        start = max(0, min(first, min(map(len, shown))) - LENGTH // 2)
        shown = [("…" if start else "") + text[start : start + LENGTH] for text in shown]
    return f"{'.'.join(map(str, place))}: {shown[0]} -> {shown[1]}"


def _text(value: object) -> str:
    return files.canonical_json(value)
