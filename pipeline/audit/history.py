"""What git knows of a change: the diff of settings, lock and other sources between the commit of a receipt's job and now."""

import subprocess
from collections.abc import Iterable

from pipeline.audit.report import Report
from pipeline.provenance import environment

SETTINGS = ("params.yaml", "params")  # files and folders of settings; one that is not there does no harm
LINES = 60  # of one diff; the command beside it shows the rest


def changes(report: Report) -> list[str]:
    """`git diff` of the sources that receipts name otherwise, from the commits of their jobs to now; nothing without git.

    Sources: settings, the lock, and inputs that no job made. Changed modules are named by the receipts themselves.
    """
    sources: dict[str, dict[str, None]] = {}
    for node in report.nodes.values():
        paths = []
        for reason in node.reasons:
            if reason.kind == "setting":
                paths += SETTINGS
            elif reason.kind == "packages":
                paths.append(environment.LOCK)
            elif reason.kind == "input" and reason.what not in report.makers:
                paths.append(reason.what)
        if paths and node.receipt.run.get("commit"):
            sources.setdefault(node.receipt.run["commit"], {}).update(dict.fromkeys(paths))
    told: dict[tuple[str, ...], str] = {}
    for commit, paths in sources.items():
        command, lines = _diff(commit, paths)
        if lines:
            told.setdefault(tuple(lines), command)
    return [line for lines, command in told.items() for line in (command, *lines)]


def unsaved() -> list[str]:
    """`git diff` of the settings since the last commit; nothing without git or difference."""
    command, lines = _diff("HEAD", SETTINGS)
    return [command, *lines] if lines else []


def _diff(commit: str, paths: Iterable[str]) -> tuple[str, list[str]]:
    """The command as one types it, and what it prints, without the hashes that stand below each locked version."""
    words = ["diff", "--unified=0", commit, "--", *paths]
    fixed = [
        "git",
        "--no-optional-locks",
        "-c",
        "core.quotePath=false",
        words[0],
        "--no-color",
        "--no-ext-diff",
        "--relative",
    ]
    try:
        done = subprocess.run([*fixed, *words[1:]], capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        return "", []
    lines = [line for line in done.stdout.splitlines() if "--hash=sha256:" not in line]
    if len(lines) > LINES:
        lines = [*lines[:LINES], f"… {len(lines) - LINES} more lines"]
    return " ".join(["git", *words]), lines if done.returncode == 0 else []
