"""Hash of the `shell:` lines in a file of rules, part of a job's key; computed from the file, without Snakemake."""

import ast
import hashlib
import re
from pathlib import Path

from pipeline.errors import UserError

RULES = Path(__file__).resolve().parents[2] / "rules"
# `shell:` and what follows, up to the next keyword or the end of the rule.
SHELL = re.compile(r"^[ \t]*shell:(.*(?:\n[ \t]+(?!\w+:).*)*)", re.MULTILINE)


def digest(name: str, rules: Path = RULES) -> str:
    """Hash of the text that the rules of a file pass to the shell; quotes, line breaks and comments do not count.

    UserError for a missing file, for one without a `shell:` line, and for a line that is not plain text.
    """
    path = rules / name
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; it is part of the repository, restore it with git.") from error
    return hashlib.sha256("\n".join(lines(text, path)).encode()).hexdigest()


def lines(text: str, path: Path) -> list[str]:
    """The shell lines of a file of rules in their order; UserError as for `digest`."""
    result = []
    for match in SHELL.finditer(text):
        try:
            result.append("".join(ast.literal_eval(f"[{match[1]}\n]")))
        except (ValueError, SyntaxError, TypeError) as error:
            where = f"{path}, line {text[: match.start()].count(chr(10)) + 1}"
            raise UserError(
                f"{where}: the shell line must be plain text in quotes. Put what varies into params."
            ) from error
    if not result:
        raise UserError(f"{path}: has no rule with a `shell:` line. Restore it with git.")
    return result
