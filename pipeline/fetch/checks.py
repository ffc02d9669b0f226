"""Is this the file? Every digest that anybody states must hold, and what is pinned; the strongest of them is its trust."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.fetch.catalogue import Checksum, File
from pipeline.fetch.lock import TRUST
from pipeline.fetch.transfer import bar, looks_like_page

CHUNK = 1 << 22
NAMES = {"sha256": "SHA-256", "md5": "MD5"}


class Mismatch(UserError):
    """Other bytes than stated or pinned."""


@dataclass(frozen=True)
class Found:
    """What a file was found to be."""

    sha256: str
    size: int
    trust: str
    stated_by: tuple[str, ...]


def examine(path: Path, file: File, object_id: str | None = None, label: str | None = None) -> Found:
    """Hash a file and hold it to everything stated about it; Mismatch says both digests and who claims the other.

    `object_id`: the SHA-256 that the hub which sent it names it by. `label`: what to call the file, by default `path`.
    """
    size, label = path.stat().st_size, label or str(path)
    with open(path, "rb") as stream:
        if looks_like_page(stream.read(512)):
            raise Mismatch(f"{label}: is a web page saved under this name, expected {file.name}.")
    if file.size not in (None, size):
        raise Mismatch(f"{label}: has {size:,} bytes, expected {file.size:,}. It is truncated or another file.")
    stated = list(file.checksums)
    if object_id and len(object_id) == 64:
        stated.append(Checksum("sha256", object_id.lower(), "huggingface.co", "object_id"))
    digests = _digests(path, {"sha256"} | {checksum.algorithm for checksum in stated})
    for checksum in stated:
        if not digests[checksum.algorithm].startswith(checksum.value.lower()):
            found = f"its {NAMES[checksum.algorithm]} is {digests[checksum.algorithm]}"
            raise Mismatch(
                f"{label}: {found}, expected {checksum.value}, as stated by {checksum.by}. It is damaged or another file, or "
                "that statement (data/sources.yaml) is wrong."
            )
    return Found(digests["sha256"], size, trust(stated), tuple(dict.fromkeys(checksum.by for checksum in stated)))


def trust(held: list[Checksum]) -> str:
    """The class of a file by the checksums that held."""
    classes = {checksum.trust for checksum in held} | {"tofu"}
    if len({checksum.by for checksum in held if checksum.trust == "third_party"}) > 1:
        classes.add("two_third_parties")
    return min(classes, key=TRUST.index)


def _digests(path: Path, algorithms: set[str]) -> dict[str, str]:
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    size = path.stat().st_size
    with open(path, "rb") as stream, bar(f"hash {path.name}", size) as progress:
        while chunk := stream.read(CHUNK):
            for found in hashes.values():
                found.update(chunk)
            progress.update(len(chunk))
    return {name: found.hexdigest() for name, found in hashes.items()}
