"""The one exception that a user can cause."""


class UserError(Exception):
    """Bad input: the message names the file, the value, what was expected and what to do.

    Jobs print it without a traceback and end with exit code 1.
    """
