"""Hash of the `shell:` lines in a file of rules, part of a job's key; computed from the file, without Snakemake."""

import ast
import hashlib
import io
import tokenize
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path

from pipeline.errors import UserError

RULES = Path(__file__).resolve().parents[2] / "rules"
LAYOUT = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT)


def digest(name: str, rules: Path = RULES) -> str:
    """Hash of the text that the rules of a file pass to the shell; quotes, line breaks and comments do not count.

    UserError for a missing file, for one without a `shell:` line, and for a line that is not plain text.
    """
    path = rules / name
    try:
        return _digest(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; it is part of the repository, restore it with git.") from error


@cache
def _digest(text: str, path: Path) -> str:
    return hashlib.sha256("\n".join(lines(text, path)).encode()).hexdigest()


def lines(text: str, path: Path) -> list[str]:
    """The shell lines of a file of rules in their order; UserError as for `digest`."""
    try:
        tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in LAYOUT]
    except (tokenize.TokenError, IndentationError) as error:
        raise UserError(f"{path}: not valid ({error}). Correct it, then run snakemake again.") from error
    result = []
    for index, (word, colon) in enumerate(pairwise(tokens)):
        if (word.string, colon.string) == ("shell", ":"):
            pieces = list(takewhile(lambda token: token.type == tokenize.STRING, tokens[index + 2 :]))
            following = tokens[index + 2 + len(pieces)]
            plain = pieces and following.type in (tokenize.NAME, tokenize.ENDMARKER)
            try:
                result.append("".join(ast.literal_eval(piece.string) for piece in pieces if plain))
            except ValueError:  # an f-string, up to Python 3.11
                plain = False
            if not plain:
                where = f"{path}, line {word.start[0]}"
                raise UserError(f"{where}: the shell line must be plain text in quotes. Put what varies into params.")
    if not result:
        raise UserError(f"{path}: has no rule with a `shell:` line. Restore it with git.")
    return result
