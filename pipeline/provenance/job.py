"""Command line of a job, and the receipt that it writes.

Every job is `python -m pipeline.<module> --key JSON --input NAME=PATH … --output NAME=PATH … --receipt PATH`, run from
the repository root. The key identifies the job; inputs are hashed before the work, outputs after it; the receipt is
written last, so an interrupted job leaves neither a receipt nor an output of this attempt.
"""

import argparse
import hashlib
import json
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline import files
from pipeline.errors import UserError
from pipeline.exclusive import exclusive
from pipeline.provenance import environment, fingerprint

KEY_FIELDS = {"kind", "wildcards", "settings", "files", "code", "packages", "shell"}
SEALED = ("key", "inputs", "outputs", "run")


@dataclass(frozen=True)
class Job:
    """A job's command line, parsed. Paths are relative to the repository root; `folders` are the user's own, outside it."""

    kind: str
    wildcards: dict[str, str]
    settings: dict
    inputs: dict[str, list[Path]]
    outputs: dict[str, Path]
    folders: dict[str, Path]
    key_sha256: str
    any_versions: bool = False
    # Settings on which no result depends, such as how often a state is saved; not part of the key.
    options: dict[str, Any] = field(default_factory=dict)

    def input(self, name: str) -> Path:
        """The one input of that name; UserError when there is none or more than one."""
        paths = self.inputs.get(name, [])
        if len(paths) != 1:
            raise UserError(f"--input {name}=…: a job of kind {self.kind} expects exactly one, got {len(paths)}.")
        return paths[0]

    def file(self, name: str, path: str) -> str:
        """`path`, one of the inputs of that name; UserError for a file that was not hashed, which no job may read."""
        if Path(path) not in self.inputs.get(name, []):
            raise UserError(f"{path} is not among the inputs '{name}' of the job. Plan it anew with snakemake.")
        return path

    def option(self, name: str) -> Any:
        """The value of an option; UserError when it is missing."""
        if name not in self.options:
            raise UserError(f"--option {name}=…: a job of kind {self.kind} needs it. Run snakemake again.")
        return self.options[name]


def seal(receipt: Mapping) -> str:
    """SHA-256 over the content of a receipt, to detect changes made by hand."""
    return hashlib.sha256(files.canonical_json({name: receipt[name] for name in SEALED}).encode()).hexdigest()


def words(
    module: str,
    key: str,
    inputs: Mapping[str, str | Iterable[str]],
    outputs: Mapping[str, str],
    receipt: str,
    folders: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
) -> list[str]:
    """The command line of a job, as `parse` reads it; it uses the Python that runs now."""
    words = [_python(), "-m", module, "--key", key]
    for name, paths in inputs.items():
        for path in [paths] if isinstance(paths, str) else paths:
            words += ["--input", f"{name}={path}"]
    words += [word for name, path in outputs.items() for word in ("--output", f"{name}={path}")]
    words += [word for name, path in (folders or {}).items() for word in ("--folder", f"{name}={path}")]
    words += [
        word
        for name, value in (options or {}).items()
        for word in ("--option", f"{name}={files.canonical_json(value)}")
    ]
    return [*words, "--receipt", receipt]


def run(work: Callable[[Job], dict | None], tidy: Callable[[Job], None] | None = None) -> None:
    """Read the command line, call `work`, write the receipt, with the dict that `work` returns as information.

    `tidy` is called after the receipt is written and removes the files for resuming. While another process runs the same
    job, this one waits; if the other one finished it, this one returns without working.
    Exit code 1 with a message for a UserError, 143 after SIGTERM, 130 after Ctrl-C.
    """
    specification = getattr(sys.modules["__main__"], "__spec__", None)
    module = specification.name if specification else "pipeline"
    words = sys.argv[1:]
    print(shlex.join([_python(), "-m", module, *words]), flush=True)
    try:
        key, job, receipt = parse(words, module)
        _execute(work, tidy, key, job, receipt, module)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted: outputs of this attempt were removed; its saved state is kept", file=sys.stderr, flush=True)
        sys.exit(130)


def parse(words: list[str], module: str) -> tuple[dict, Job, Path]:
    """Key, job and receipt path of a command line; UserError for a bad key or a path outside the repository."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", allow_abbrev=False, fromfile_prefix_chars="@")
    parser.add_argument("--key", required=True, help=f"canonical JSON: {', '.join(sorted(KEY_FIELDS))}")
    parser.add_argument("--input", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--output", action="append", default=[], metavar="NAME=PATH", required=True)
    parser.add_argument("--folder", action="append", default=[], metavar="NAME=PATH", help="outside the repository")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=JSON", help="no result depends on it")
    parser.add_argument("--receipt", required=True, metavar="PATH")
    parser.add_argument("--any-versions", action="store_true", help="also with packages that are not the lock's")
    arguments = parser.parse_args(words)
    try:
        key = json.loads(arguments.key)
    except json.JSONDecodeError as error:
        raise UserError(f"--key: not valid JSON ({error}). Copy the whole line, quotes included.") from error
    if not isinstance(key, dict) or set(key) != KEY_FIELDS:
        raise UserError(f"--key: expected exactly {', '.join(sorted(KEY_FIELDS))}, got {arguments.key[:80]}.")
    inputs: dict[str, list[Path]] = {}
    for name, path in _pairs("--input", arguments.input):
        inputs.setdefault(name, []).append(_inside("--input", path))
    outputs = {name: _inside("--output", path) for name, path in _pairs("--output", arguments.output)}
    folders = {name: Path(path) for name, path in _pairs("--folder", arguments.folder)}
    if len(outputs) != len(arguments.output):
        raise UserError("--output: a name is given twice; give every output its own name.")
    _check_files(key["files"], inputs, outputs)
    options = {name: _option(name, text) for name, text in _pairs("--option", arguments.option)}
    digest = hashlib.sha256(files.canonical_json(key).encode()).hexdigest()
    job = Job(
        key["kind"],
        key["wildcards"],
        key["settings"],
        inputs,
        outputs,
        folders,
        digest,
        arguments.any_versions,
        options,
    )
    return key, job, _inside("--receipt", arguments.receipt)


def _execute(work: Callable, tidy: Callable | None, key: dict, job: Job, receipt: Path, module: str) -> None:
    started, clock = datetime.now(UTC), time.monotonic()
    modules = _checked_code(key, "changed since the plan was made", "Run snakemake again, it makes a new plan.")
    if module.startswith("pipeline.") and module not in modules:
        raise UserError(
            f"--key: its code does not cover {module} itself. Name it in `modules` of pipeline/plan/{key['kind']}.py."
        )
    names = key["packages"]["names"] if key["packages"] else []
    if key["packages"] and not job.any_versions:
        _check_packages(**key["packages"])
    information = environment.record(names) | {"started": started.isoformat(timespec="seconds")}
    paths = [path for group in job.inputs.values() for path in group]
    states = {path: _state(path) for path in paths}
    inputs = {path.as_posix(): _input_hash(path) for path in paths}
    lock = receipt.with_name(f".{receipt.name}.lock")
    with exclusive(lock, f"{receipt}: another process makes it; waiting ...") as waited:
        if waited and _finished(key, inputs, job, receipt):
            print(f"{receipt}: the other process finished this job", flush=True)
            return
        with interruptible(), _only_whole(job.outputs.values(), receipt) as before:
            returned = work(job) or {}
            outputs = {path.as_posix(): _output_hashes(path, name, before[path]) for name, path in job.outputs.items()}
            changed = [path.as_posix() for path in paths if _state(path) != states[path] and _changed(path, inputs)]
            if changed:
                raise UserError(f"{', '.join(changed)}: changed while the job read it. Run snakemake again.")
            _checked_code(key, "changed while it ran", "Its outputs were removed; run snakemake again.")
            _check_used(modules)
            information |= {
                "gpu": environment.gpu(),
                "seconds": round(time.monotonic() - clock, 3),
                "peak_memory_mb": environment.peak_memory_mb(),
                "folders": {name: str(path) for name, path in job.folders.items()},
                "options": job.options,
                "modules": {name: value[:16] for name, value in modules.items()},
            }
            # JSON has no NaN: write it as text, so that an informational NaN does not fail a finished training.
            returned_json = json.loads(json.dumps(returned, default=str), parse_constant=str)
            content = {"key": key, "inputs": inputs, "outputs": outputs, "run": returned_json | information}
            files.write_json(receipt, content | {"seal": seal(content)})
        if tidy:
            tidy(job)


def _finished(key: dict, inputs: dict[str, str], job: Job, receipt: Path) -> bool:
    """Whether the receipt is of exactly this job and all its outputs are unchanged."""
    if not receipt.exists():
        return False
    content = files.read_json(receipt)
    unchanged = (
        path.is_file() and files.sha256(path) == content["outputs"][path.as_posix()]["sha256"]
        for path in job.outputs.values()
    )
    return content["key"] == key and content["inputs"] == inputs and all(unchanged)


def _check_files(expected: dict, inputs: dict[str, list[Path]], outputs: dict[str, Path]) -> None:
    """UserError unless the command line gives exactly the files that the key names."""
    pairs = [("input", name, path, inputs.get(name)) for name, path in expected["inputs"].items()]
    pairs += [("output", name, path, name in outputs and [outputs[name]]) for name, path in expected["outputs"].items()]
    for kind, name, path, paths in pairs:
        if paths != [Path(path)]:
            shown = ", ".join(map(str, paths or [])) or "nothing"
            raise UserError(
                f"--{kind} {name}: the key says {path}, the command line {shown}. Run snakemake again, it makes a new plan."
            )


def _checked_code(key: dict, what: str, remedy: str) -> dict[str, str]:
    modules = fingerprint.closure(key["code"]["modules"])
    if fingerprint.digest(modules) != key["code"]["sha256"]:
        raise UserError(f"the job's code {what}: {', '.join(key['code']['modules'])} or a module they import. {remedy}")
    return modules


def _check_packages(names: list[str], sha256: str) -> None:
    """UserError unless the lock is that of the key and the installed versions are those of the lock."""
    lock = environment.LOCK
    if environment.packages_hash(lock, names) != sha256:
        raise UserError(f"{lock} changed since the plan was made. Run snakemake again, it makes a new plan.")
    if other := environment.other_versions(lock, names):
        raise UserError(
            f"installed versions are not those of {lock}: {', '.join(other)}. Run `make setup`; to use the newer ones, "
            "lock them first (CONTRIBUTING.md)."
        )


def _check_used(modules: dict[str, str]) -> None:
    """UserError if the work loaded a module of this package, also by name at run time, that the key does not cover."""
    root = fingerprint.PACKAGE.name
    used = {name for name, module in list(sys.modules.items()) if getattr(module, "__file__", None)}
    missing = sorted(name for name in used - set(modules) if name == root or name.startswith(f"{root}."))
    if missing:
        raise UserError(
            f"the job used {', '.join(missing)}, which the code in its key does not cover: a change there would go "
            "unnoticed. Name it in `modules` of the kind in pipeline/plan/."
        )


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that outputs are cleaned up."""

    def stop(number: int, _frame) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _only_whole(outputs: Iterable[Path], receipt: Path) -> Iterator[dict[Path, tuple | None]]:
    """On any error remove outputs that this attempt wrote; untouched older ones stay. Yields the states of outputs before."""
    outputs = list(outputs)
    before = {path: _state(path) for path in outputs}
    # The old receipt must not be valid for new files until the new receipt is written.
    receipt.unlink(missing_ok=True)
    for path in [*outputs, receipt]:
        files.remove_temporaries(path)
    try:
        yield before
    except BaseException:
        ignored = [(number, signal.signal(number, signal.SIG_IGN)) for number in (signal.SIGINT, signal.SIGTERM)]
        for path in [path for path in outputs if _state(path) not in (None, before[path])] + [receipt]:
            path.unlink(missing_ok=True)
        for path in [*outputs, receipt]:
            files.remove_temporaries(path)
        for number, handler in ignored:
            signal.signal(number, handler)
        raise


def _pairs(option: str, values: list[str]) -> Iterator[tuple[str, str]]:
    for value in values:
        name, equals, path = value.partition("=")
        if not (name and equals and path):
            raise UserError(f"{option} {value}: expected NAME={'JSON' if option == '--option' else 'PATH'}.")
        yield name, path


def _option(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"--option {name}={text}: expected NAME=JSON ({error}).") from error


def _inside(option: str, text: str) -> Path:
    """`text` as a path; UserError unless it is relative to the repository and normalised, as in receipts."""
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or path.as_posix() != text:
        raise UserError(f"{option} {text}: expected a plain path inside the repository. Give others by --folder.")
    return Path(text)


def _state(path: Path) -> tuple | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _changed(path: Path, inputs: dict[str, str]) -> bool:
    return not path.is_file() or files.sha256(path) != inputs[path.as_posix()]


def _input_hash(path: Path) -> str:
    if not path.is_file():
        what = "is a folder, expected a file" if path.is_dir() else "is missing"
        raise UserError(f"{path}: input {what}. Run snakemake for the output, it makes or fetches missing inputs.")
    return files.sha256(path)


def _output_hashes(path: Path, name: str, before: tuple | None) -> dict:
    """{"sha256", "md5", "size"} of an output; DVC names its objects by md5. UserError if the job did not write it."""
    if not path.is_file() or _state(path) == before:
        raise UserError(f"{path}: the job ended without writing its output '{name}'. Correct its code.")
    with open(path, "rb") as stream:
        md5 = hashlib.file_digest(stream, "md5").hexdigest()
    return {"sha256": files.sha256(path), "md5": md5, "size": path.stat().st_size}


def _python() -> str:
    """Path of the interpreter, relative to the repository root where possible."""
    return sys.executable.removeprefix(f"{Path.cwd()}/")
