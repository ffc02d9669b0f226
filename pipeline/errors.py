"""The one exception that a user can cause."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """Bad input: the message names the file, the value, what was expected and what to do.

    Jobs print it without a traceback and end with exit code 1.
    """


def exit_code(work: Callable[[], object]) -> int:
    """Do the work of a command: 0, or 1 after the message of a UserError."""
    try:
        work()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
