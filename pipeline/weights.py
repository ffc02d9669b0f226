"""Pretrained files of others: fetched once, kept only after their SHA-256 was checked (`pipeline.pretrained` opens them).

A file is described by {"file": name, "url": …, "sha256_prefix": 8 to 64 hexadecimal digits}. Run as a job it fetches one:
`python -m pipeline.weights --key … --output file=data/weights/NAME [--folder weights=FOLDER] --receipt …`
"""

import http.client
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from pipeline.errors import UserError
from pipeline.files import atomic
from pipeline.pretrained import describe, verify

if TYPE_CHECKING:
    from pipeline.job import Job

TIMEOUT = 60
CHUNK = 1 << 20


def fetch(path: str | Path, spec: dict, folder: str | Path | None = None) -> str:
    """Put the file that `spec` describes at `path` and return where it came from.

    Taken from `folder` (a place of the user's) when it lies there, else downloaded; checked before it gets its name.
    Raises UserError when it can be had from neither, saying which file to put where.
    """
    local = Path(folder) / spec["file"] if folder else None
    if local and local.is_file():
        verify(local, spec)
        with atomic(path) as temporary:
            shutil.copyfile(local, temporary)
        return str(local)
    place = f"put it into {folder}" if folder else "put it into the folder that the setting adopt.weights names"
    with atomic(path) as temporary:
        with open(temporary, "wb") as stream:
            stream.writelines(_download(spec, place))
        verify(temporary, spec)
    return spec["url"]


def _download(spec: dict, place: str) -> Iterator[bytes]:
    """Bytes of the file at spec["url"], with progress; UserError when fewer come than the server announced."""
    url = spec["url"]
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise UserError(f"{spec['file']}: its url is {url!r}, expected one that begins with https:// or http://.")
    done, total = 0, None
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdigit() else None
            with tqdm(total=total, unit="B", unit_scale=True, desc=spec["file"]) as bar:
                while chunk := response.read(CHUNK):
                    done += len(chunk)
                    bar.update(len(chunk))
                    yield chunk
    except (OSError, http.client.HTTPException) as error:
        raise UserError(
            f"{spec['file']}: could not be downloaded from {url} ({error}). On a machine without internet fetch it "
            f"elsewhere ({describe(spec)}) and {place}, then run again."
        ) from error
    if total is not None and done != total:
        raise UserError(
            f"{spec['file']}: {url} sent {done} of {total} bytes. Run again, or fetch it elsewhere and {place}."
        )


def work(job: "Job") -> dict:
    """Fetch the one file of this job."""
    return {"fetched_from": fetch(job.outputs["file"], job.settings, job.folders.get("weights"))}


if __name__ == "__main__":
    from pipeline.job import run

    run(work)
