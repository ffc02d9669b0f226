"""An MLflow store that may be dead, slow or shared: one process at a time uses it, and every call of it ends in seconds."""

import os
import re
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from pipeline import files
from pipeline.errors import UserError
from pipeline.exclusive import exclusive

# Seconds: what a server may take for one answer; after how long its pace is judged; the slowest pace, a mean of answers.
ANSWER, TRIAL, PACE = 10.0, 20.0, 1.0
# Seconds: what a database may take (MLflow itself tries for 100 when it cannot open one); how long to wait for a turn.
LOCAL, TURN = 60.0, 600.0


class Store:
    """A client of MLflow whose every call ends in time. `alone`: nobody else can be writing to the store now."""

    def __init__(self, uri: str, alone: bool):
        from mlflow import MlflowClient

        with _within(LOCAL):
            self.client = MlflowClient(tracking_uri=uri)
        self.alone = alone
        self.place = f"{socket.gethostname()}:{Path.cwd()}"
        self._calls, self._seconds = 0, 0.0

    def __getattr__(self, name: str) -> Callable:
        call = getattr(self.client, name)

        def limited(*args, **options):
            begin = time.monotonic()
            with _within(LOCAL if self.alone else ANSWER):
                answer = call(*args, **options)
            self._calls, self._seconds = self._calls + 1, self._seconds + time.monotonic() - begin
            if not self.alone and self._seconds > max(TRIAL, PACE * self._calls):
                raise TimeoutError(
                    f"it answers, but takes {self._seconds / self._calls:.1f} s for each of many requests"
                )
            return answer

        return limited


@contextmanager
def opened(uri: str) -> Iterator[Store]:
    """The store at `uri`, for this process alone among all that share its lock; main thread only.

    The lock lies beside an SQLite file, however many clones use it; for a server it is the current folder's. UserError
    names the store and what is wrong with it.
    """
    database = _database(uri)
    lock = Path(f"{database or 'mlflow.db'}.lock")
    os.environ.update(_settings())  # before MLflow is imported, and never in a training job
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    with ExitStack() as stack:
        try:
            with _within(TURN):
                stack.enter_context(exclusive(lock, f"{lock}: another process brings runs in; waiting for it"))
        except OSError as error:
            raise UserError(
                f"{lock}: no turn at the MLflow store ({error}). It must be possible to write there."
            ) from None
        try:
            if database:
                _prepare(database)
            yield Store(uri, alone=database is not None)
        except (MlflowException, SQLAlchemyError, TimeoutError) as error:
            raise UserError(
                f"tracking.uri {shown(uri)}: the MLflow store cannot be used ({_cause(error)}). Nothing is lost: the "
                "runs' own files are complete, and what has arrived stays. Run this again when the store is back, or set "
                "tracking.uri in params.yaml to another one, e.g. sqlite:///mlflow.db."
            ) from error


def shown(uri: str) -> str:
    """The address without a password."""
    return re.sub(r"//[^/@]*@", "//***@", uri)


def _settings() -> dict[str, str]:
    return {
        # A request repeated after a lost answer could make a second run; a whole ingest can be repeated instead.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": f"{ANSWER:.0f}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }


def _database(uri: str) -> Path | None:
    """The file of an SQLite store, None for any other store."""
    if not uri.startswith("sqlite:"):
        return None
    path = uri.removeprefix("sqlite:///").partition("?")[0]
    if path == uri or path in ("", ":memory:"):
        raise UserError(f"tracking.uri {uri}: names no file. Write sqlite:///mlflow.db, or sqlite:////a/whole/path.db.")
    return Path(path).resolve()


def _prepare(database: Path) -> None:
    """A new database appears with all its tables or not at all; of an old one, see that it can be written."""
    from mlflow import MlflowClient

    files.remove_temporaries(database)
    if not database.exists() or database.stat().st_size == 0:
        with files.atomic(database) as temporary:
            temporary.touch()
            MlflowClient(tracking_uri=f"sqlite:///{temporary}").search_experiments()
        return
    try:
        with closing(sqlite3.connect(database, timeout=LOCAL / 3)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except sqlite3.Error as error:
        raise UserError(
            f"{database}: not an SQLite database that can be written ({error}). Nothing is lost: the runs' own files are "
            "complete. Move it away or name another in tracking.uri, then run this again."
        ) from error


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """TimeoutError in the middle of whatever still goes on after so many seconds."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"nothing came within {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _cause(error: BaseException) -> str:
    """The first line of what happened, without the layers that HTTP libraries wrap around it."""
    lines = str(error).strip().splitlines()
    text, _, inner = (lines[0] if lines else type(error).__name__).partition("Caused by ")
    # NewConnectionError("HTTPConnection(host='…', port=…): what happened"))
    return (re.sub(r"""^\w+\(["'](\w+\([^)]*\): )?|["']?\)*$""", "", inner) or text)[:300]
