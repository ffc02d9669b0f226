"""Run the job of a receipt again in another folder, from the receipt alone; nothing of the user's results is touched."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline import files
from pipeline.errors import UserError
from pipeline.provenance import fingerprint, job, receipts
from pipeline.provenance.receipts import Receipt

EQUAL, WITHIN, DEVIATES = "equal", "within tolerance", "DEVIATES"
STOPS = (signal.SIGTERM, signal.SIGHUP)
TAIL = 4000  # characters of a failed job's last words


@dataclass(frozen=True)
class Regime:
    """Whether two runs of one job must agree to the last bit, and why (not)."""

    exact: bool
    why: str

    def __str__(self) -> str:
        return f"{'exact' if self.exact else 'within the tolerance of params.yaml'}: {self.why}"


def regime(then: dict, now: dict) -> Regime:
    """Compare where two runs of a job took place, by the informational parts of their receipts."""
    if then.get("device") != "cpu" or now.get("device") != "cpu":
        places = [place.get("gpu") or place.get("device") or "an unknown device" for place in (then, now)]
        return Regime(False, f"{places[0]} then, {places[1]} now; GPUs round in an order of their own")
    if then.get("cpu") != now.get("cpu"):
        return Regime(False, f"another processor ({then.get('cpu')} then, {now.get('cpu')} now)")
    other = receipts.differences(then.get("packages", {}), now.get("packages", {}), "packages")
    if other:
        return Regime(False, "other versions: " + ", ".join(f"{name} {change}" for name, change in other))
    return Regime(True, f"the processor of the receipt ({now['cpu']}) and the same packages")


def missing(receipt: Receipt, made: Container[str] = ()) -> list[str]:
    """Inputs that are not here or not those that the job read, with the way to get them; not those `made` on the way."""
    problems = []
    for path, sha256 in receipt.inputs.items():
        if path in made:
            continue
        if Path(path).is_absolute() or ".." in Path(path).parts:
            problems.append(f"{path}: is not a path inside the repository")
        elif not Path(path).is_file():
            problems.append(f"{path}: is not here; {_fetch(path)}")
        elif files.sha256(path) != sha256:
            problems.append(f"{path}: is not the file that the job read; {_fetch(path)}")
    return problems


def _fetch(path: str) -> str:
    if path.startswith("data/weights/"):
        return f"`snakemake -c1 -- {path}` fetches it"
    return f"`python -m pipeline.pull {path}` fetches it, `snakemake -c1 -- {path}` makes it"


def other_code(receipt: Receipt, package: Path = fingerprint.PACKAGE) -> str | None:
    """How the code in `package` is not that of the receipt's job; None when it is the same."""
    code = receipt.key["code"]
    try:
        now = fingerprint.closure(code["modules"], package)
    except UserError as error:
        return str(error)
    if fingerprint.digest(now) == code["sha256"]:
        return None
    then, today = receipt.run.get("modules", {}), {name: value[:16] for name, value in now.items()}
    names = sorted(name for name in then.keys() | today.keys() if then.get(name) != today.get(name))
    return f"its code is another: {', '.join(names) or ', '.join(code['modules'])}"


def link(receipt: Receipt, folder: Path, made: Container[str] = ()) -> None:
    """Lay the inputs of a job into `folder` as links to the files here, but for those `made` there on the way."""
    for path in receipt.inputs:
        place = folder / path
        if path not in made:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            place.symlink_to(Path(path).resolve())


def run(receipt: Receipt, folder: Path, show: bool) -> Receipt:
    """Run the job in `folder`, which holds its code and inputs; its new receipt. `show`: pass on what it says of its progress.

    UserError with the job's last words when it fails; on any other exception, Ctrl-C above all, the job is stopped.
    """
    named = receipt.key.get("files")
    if named is None or set(named["inputs"].values()) != set(receipt.inputs):
        raise UserError(
            f"{receipt.path}: does not name the role of every input, so its job cannot be run from it alone."
        )
    key, module = files.canonical_json(receipt.key), f"pipeline.jobs.{receipt.key['kind']}"
    options = receipt.run.get("options")
    words = job.words(module, key, named["inputs"], named["outputs"], receipt.path, options=options)
    # The words name Python as one types it from the top folder; the job runs elsewhere.
    # Versions other than the lock's are told and judged afterwards (`regime`), not refused.
    words = [sys.executable, *words[1:], "--any-versions"]
    child = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        told = b""
        while part := os.read(child.stderr.fileno(), 4096):
            told = (told + part)[-TAIL:]
            if show:
                sys.stderr.buffer.write(part)
                sys.stderr.flush()
        code = child.wait()
    except BaseException:
        _stop(child)
        raise
    finally:
        child.stderr.close()
    if code:
        lines = told.decode(errors="replace").replace("\r", "\n").splitlines()
        last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
        raise UserError(f"the job ended with code {code}: {last.removeprefix('error: ')}")
    content = files.read_json(folder / receipt.path)
    return Receipt(receipt.path, *(content[name] for name in ("key", "inputs", "outputs", "run", "seal")))


def measured(receipt: Receipt, folder: Path, show: bool, made: Container[str] = ()) -> tuple[dict, dict, Receipt]:
    """Run an evaluation again in `folder`, which holds the code: its stored metrics, the new ones, the new receipt.

    UserError, a line for each reason, where it cannot be run or there is nothing to compare with.
    """
    path, problems = receipt.path.removesuffix(receipts.SUFFIX), missing(receipt, made)
    if other := other_code(receipt, folder / fingerprint.PACKAGE.name):
        problems.append(f"{other}; `git checkout` a commit at which the first door holds")
    if not Path(path).is_file():
        problems.append(f"{path}: the stored metrics are not here; restore them with git")
    if problems:
        raise UserError("\n".join(problems))
    stored = files.read_json(path)
    link(receipt, folder, made)
    done = run(receipt, folder, show)
    return stored, files.read_json(folder / path), done


def _stop(child: subprocess.Popen) -> None:
    child.terminate()
    try:
        child.wait(timeout=10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM, a closed terminal and Ctrl-C end the work so that what was laid out is cleared away; exit code 128 + signal."""

    def stop(number: int, _frame) -> None:
        raise SystemExit(128 + number)

    # nohup has SIGHUP ignored: so it stays.
    before = {number: signal.getsignal(number) for number in STOPS if signal.getsignal(number) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    except KeyboardInterrupt:
        print("\ninterrupted: what was laid out is cleared away, nothing else was touched", file=sys.stderr, flush=True)
        raise SystemExit(130) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Signals wait until the block has ended: clearing away is short."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, *STOPS))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, *STOPS))


@contextmanager
def temporary(prefix: str) -> Iterator[Path]:
    """A folder outside the repository, gone afterwards whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        with undisturbed():
            shutil.rmtree(folder)
