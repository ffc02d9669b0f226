"""The block `fetch` of params.yaml: how files of others are downloaded. No result depends on it."""

from dataclasses import dataclass, fields
from pathlib import Path

from pipeline.errors import UserError


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
    def of(cls, block: dict, place: str | Path = "params.yaml") -> "Settings":
        """Settings from the block, which was read from the file `place`; UserError for missing or unknown keys."""
        expected = {field.name for field in fields(cls)}
        if not isinstance(block, dict) or block.keys() != expected:
            raise UserError(
                f"{place}: settings of fetch are {str(block)[:100]}, expected exactly the keys {', '.join(sorted(expected))}. "
                "Copy the block `fetch` of params.yaml."
            )
        return cls(**{**block, "accept": tuple(block["accept"])})


@dataclass(frozen=True)
class Places:
    """Folder of raw files and path of the lock file, relative to the repository."""

    raw: Path = Path("data/raw")
    lock: Path = Path("data/sources.lock.yaml")
