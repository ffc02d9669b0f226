"""Check a fetched file: all stated and pinned digests must match; the strongest of them is the trust in the file."""

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
    """The file has other bytes than stated or pinned."""


@dataclass(frozen=True)
class Checked:
    """Result of checking a file. `trust`: class of its strongest checksum; `stated_by`: who states a checksum."""

    sha256: str
    size: int
    trust: str
    stated_by: tuple[str, ...]


def examine(path: Path, file: File, object_id: str | None = None, label: str | None = None) -> Checked:
    """Hash a file and compare it with everything stated about it; Mismatch gives both digests and who states the other one.

    `object_id`: the SHA-256 by which the sending hub names the file. `label`: the file's name in messages, by default `path`.
    """
    size, label = path.stat().st_size, label or str(path)
    with open(path, "rb") as stream:
        if looks_like_page(stream.read(512)):
            raise Mismatch(f"{label}: is a saved web page, expected {file.name}. Delete it and fetch again.")
    if file.size not in (None, size):
        raise Mismatch(f"{label}: has {size:,} bytes, expected {file.size:,}. It is truncated or another file.")
    stated = list(file.checksums)
    if object_id and len(object_id) == 64:
        stated.append(Checksum("sha256", object_id.lower(), "huggingface.co", "object_id"))
    digests = _digests(path, {"sha256"} | {checksum.algorithm for checksum in stated})
    for checksum in stated:
        if not digests[checksum.algorithm].startswith(checksum.value.lower()):
            actual = f"its {NAMES[checksum.algorithm]} is {digests[checksum.algorithm]}"
            raise Mismatch(
                f"{label}: {actual}, expected {checksum.value}, as stated by {checksum.by}. It is damaged or another file, or "
                "the checksum in data/sources.yaml is wrong."
            )
    return Checked(digests["sha256"], size, trust(stated), tuple(dict.fromkeys(checksum.by for checksum in stated)))


def trust(held: list[Checksum]) -> str:
    """Trust in a file, from the checksums that matched: the names are explained in `pipeline.fetch.lock`."""
    classes = {checksum.trust for checksum in held} | {"tofu"}
    if len({checksum.by for checksum in held if checksum.trust == "third_party"}) > 1:
        classes.add("two_third_parties")
    return min(classes, key=TRUST.index)


def _digests(path: Path, algorithms: set[str]) -> dict[str, str]:
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    size = path.stat().st_size
    with open(path, "rb") as stream, bar(f"hash {path.name}", size) as progress:
        while chunk := stream.read(CHUNK):
            for hasher in hashes.values():
                hasher.update(chunk)
            progress.update(len(chunk))
    return {name: hasher.hexdigest() for name, hasher in hashes.items()}
