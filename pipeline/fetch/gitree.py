"""Fetch a folder of a git repository at one commit: git's object ids prove every byte, no other checksum is needed."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path

from pipeline.errors import UserError
from pipeline.fetch.catalogue import Location
from pipeline.fetch.settings import Settings
from pipeline.fetch.transfer import Refused, wait
from pipeline.fetch.unpack import unpack

# git must not ask for a password, as nobody would answer, and must not run anything from the user's git settings.
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ASKPASS": "true"}


def export(
    location: Location,
    folder: Path,
    suffixes: Collection[str],
    settings: Settings,
    ready: Callable[[dict[str, str]], None],
) -> list[str]:
    """Write the files to the new folder `folder`, as `unpack` does, and return their names.

    Raises Refused when git cannot get them, UserError when the commit holds another tree than the catalogue says.
    """
    value = location.value
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent) as place:
        repository = Path(place) / "repository"
        _git("init", "--quiet", "--bare", str(repository))
        _fetch(repository, value["repo"], value["commit"], settings)
        tree = _git("-C", str(repository), "rev-parse", f"{value['commit']}:{value['path']}").strip()
        if tree != value["tree"]:
            raise UserError(
                f"{location.origin}: the commit has the tree {tree}, expected {value['tree']}. Correct data/sources.yaml."
            )
        archive = Path(place) / "tree.tar"
        _git("-C", str(repository), "archive", "--format=tar", f"--output={archive}", tree)
        return unpack([archive], folder, suffixes=suffixes, ready=ready)


def _fetch(repository: Path, url: str, commit: str, settings: Settings) -> None:
    slow = f"http.lowSpeedTime={int(settings.read_timeout) or 1}"
    words = ["-c", "http.lowSpeedLimit=1", "-c", slow, "fetch", "--no-tags", "--depth=1", url, commit]
    for attempt in range(settings.retries + 1):
        try:
            _git("-C", str(repository), "-c", "transfer.fsckObjects=true", *words, live=sys.stderr.isatty())
            return
        except Refused:
            if attempt == settings.retries:
                raise
            time.sleep(wait(attempt + 1, None, settings))


def _git(*words: str, live: bool = False) -> str:
    """Run git and return its stdout; `live`: its progress and errors go to the terminal."""
    shown = None if live else subprocess.PIPE
    environment = {**os.environ, **QUIET}
    try:
        done = subprocess.run(["git", *words], stdout=subprocess.PIPE, stderr=shown, text=True, env=environment)
    except FileNotFoundError as error:
        raise UserError("git: no such program. Install git (Debian: apt install git), then run again.") from error
    if done.returncode:
        raise Refused(f"git {words[-2]} {words[-1]}: {(done.stderr or 'failed, see above').strip().splitlines()[-1]}")
    return done.stdout
