"""The block `fetch` of params.yaml: how files of others are brought here. No result depends on it."""

from dataclasses import dataclass
from pathlib import Path


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
    def of(cls, block: dict) -> "Settings":
        """From the checked block."""
        return cls(**{**block, "accept": tuple(block["accept"])})


@dataclass(frozen=True)
class Places:
    """Where things are kept, relative to the repository."""

    raw: Path = Path("data/raw")
    lock: Path = Path("data/sources.lock.yaml")
