"""The block `fetch` of params.yaml: how files of others are downloaded. No result depends on it."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.settings import build


@dataclass(frozen=True)
class Settings:
    """`mirror`: folder or web address that holds files under their SHA-256; times in seconds; `accept`: licence ids."""

    accept: tuple[str, ...]
    mirror: str | None
    retries: int
    connect_timeout: float
    read_timeout: float
    first_wait: float
    longest_wait: float

    @classmethod
    def of(cls, block: dict, place: str | Path = "fetch") -> "Settings":
        """Settings from the block, which was read from `place`; UserError for no block, missing and unknown keys."""
        if not isinstance(block, dict):
            raise UserError(f"{place}: {block!r}, expected the block `fetch` of params.yaml as JSON.")
        return build(cls, block, str(place))


@dataclass(frozen=True)
class Places:
    """Folder of raw files and path of the lock file, relative to the repository."""

    raw: Path = Path("data/raw")
    lock: Path = Path("data/sources.lock.yaml")
