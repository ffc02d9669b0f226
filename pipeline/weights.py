"""Pretrained files of others: fetched once, opened only after their SHA-256 was checked.

A file is described by {"file": name, "url": …, "sha256_prefix": 8 to 64 hexadecimal digits}. Run as a job it fetches one:
`python -m pipeline.weights --key … --output file=data/weights/NAME [--folder weights=FOLDER] --receipt …`
"""

import http.client
import pickle
import re
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from pipeline.errors import UserError
from pipeline.files import atomic, sha256

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.job import Job

TIMEOUT = 60
CHUNK = 1 << 20


def verify(path: str | Path, spec: dict) -> None:
    """Raise UserError unless the file has the digest that `spec` states."""
    path, digest = Path(path), _digest(spec)
    if not path.is_file():
        raise UserError(f"{path}: no such file. Expected {_describe(spec)}.")
    found = sha256(path)
    if not found.startswith(digest):
        raise UserError(
            f"{path}: its SHA-256 is {found}, expected {_describe(spec)}. It is truncated, damaged or another file."
        )


def open_weights(path: str | Path, spec: dict) -> dict[str, "Tensor"]:
    """State dict of a verified .safetensors or .pth file, on the CPU; nothing in the file can run code.

    Raises UserError when the file is missing, is not the one that `spec` describes, or holds anything but tensors.
    """
    import safetensors.torch
    import torch

    verify(path, spec)
    try:
        if Path(path).suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, safetensors.SafetensorError) as error:
        raise UserError(
            f"{path}: cannot be read as a file of tensors ({error}). Expected {_describe(spec)}."
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError(f"{path}: holds something else than named tensors. Expected a state dict, {_describe(spec)}.")
    return state


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
            f"elsewhere ({_describe(spec)}) and {place}, then run again."
        ) from error
    if total is not None and done != total:
        raise UserError(
            f"{spec['file']}: {url} sent {done} of {total} bytes. Run again, or fetch it elsewhere and {place}."
        )


def _digest(spec: dict) -> str:
    digest = str(spec["sha256_prefix"]).lower()
    if not re.fullmatch(r"[0-9a-f]{8,64}", digest):
        raise UserError(f"weights {spec['file']}: sha256_prefix is {digest!r}, expected 8 to 64 hexadecimal digits.")
    return digest


def _describe(spec: dict) -> str:
    return f"{spec['file']} from {spec['url']}, SHA-256 {spec['sha256_prefix']}…"


def work(job: "Job") -> dict:
    """Fetch the one file of this job."""
    return {"fetched_from": fetch(job.outputs["file"], job.settings, job.folders.get("weights"))}


if __name__ == "__main__":
    from pipeline.job import run

    run(work)
