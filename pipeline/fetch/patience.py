"""How long to wait before the next request to a server, and the cause of a failed request in one line."""

import email.utils
import random
from datetime import UTC, datetime

from pipeline.fetch.settings import Settings


def wait(failures: int, requested: float | None, settings: Settings) -> float:
    """Seconds until the next attempt: what the server asks for, else doubling with jitter, never more than the setting."""
    if requested is not None:
        return min(requested, settings.longest_wait)
    longest = min(settings.longest_wait, settings.first_wait * 2 ** (failures - 1))
    return random.uniform(longest / 2, longest)


def retry_after(response) -> float | None:
    """Seconds that the header Retry-After asks for, given as a number or a date; None without it."""
    value = response.headers.get("Retry-After", "")
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def reason(error: BaseException) -> str:
    """The innermost cause, in one line."""
    inner = getattr(error, "reason", None)
    while (error.args and isinstance(error.args[-1], BaseException)) or isinstance(inner, BaseException):
        error = inner if isinstance(inner, BaseException) else error.args[-1]
        inner = getattr(error, "reason", None)
    return str(error).splitlines()[0] if str(error) else type(error).__name__
