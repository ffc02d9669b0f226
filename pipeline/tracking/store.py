"""An MLflow store that may be dead, slow or shared: used by one process at a time, with a time limit on every call."""

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

# Seconds for servers: limit of one answer; time before the mean is judged; largest mean time of an answer.
ANSWER, TRIAL, PACE = 10.0, 20.0, 1.0
# Seconds: limit of one call of a database (MLflow tries 100 to open one); limit of waiting for the lock.
LOCAL, TURN = 60.0, 600.0


class Store:
    """A client of MLflow with a time limit on every call. `alone`: no other process can write to the store now."""

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
    """Yield the store at `uri` while holding its lock; main thread only.

    The lock lies beside an SQLite file, so that all clones that use it share the lock; for a server it lies in the current
    folder. UserError names the store and the problem.
    """
    database = _database(uri)
    lock = Path(f"{database or 'mlflow.db'}.lock")
    os.environ.update(_settings())  # before MLflow is imported, and never in a training job
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    with ExitStack() as stack:
        try:
            with _within(TURN):
                stack.enter_context(exclusive(lock, f"{lock}: another process copies runs; waiting for it"))
        except OSError as error:
            raise UserError(
                f"{lock}: the lock of the MLflow store could not be taken ({error}). Check that you can write to its folder."
            ) from None
        try:
            if database:
                _prepare(database)
            yield Store(uri, alone=database is not None)
        except (MlflowException, SQLAlchemyError, TimeoutError) as error:
            raise UserError(
                f"tracking.uri {shown(uri)}: the MLflow store cannot be used ({_cause(error)}). Nothing is lost: the "
                "runs' own files are complete, and runs already copied stay. Run this again when the store is back, or set "
                "tracking.uri in params.yaml to another one, e.g. sqlite:///mlflow.db."
            ) from error


def shown(uri: str) -> str:
    """The address with user and password hidden."""
    return re.sub(r"//[^/@]*@", "//***@", uri)


def _settings() -> dict[str, str]:
    return {
        # Repeating a request whose answer was lost could create a second run; repeating the whole command cannot.
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
    """Create a new database with all its tables, or none on failure; check that an existing one can be written."""
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
    """Raise TimeoutError inside the block after so many seconds."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"no answer within {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _cause(error: BaseException) -> str:
    """First line of an error's text, without the layers that HTTP libraries wrap around it."""
    lines = str(error).strip().splitlines()
    text, _, inner = (lines[0] if lines else type(error).__name__).partition("Caused by ")
    # NewConnectionError("HTTPConnection(host='…', port=…): what happened"))
    return (re.sub(r"""^\w+\(["'](\w+\([^)]*\): )?|["']?\)*$""", "", inner) or text)[:300]
