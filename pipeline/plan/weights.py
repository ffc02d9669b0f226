"""The pretrained files that settings may name, read off data/sources.yaml: the only place where their facts stand.

The name of a file is that of its source there, `vgg19`. Here is what the plan and the keys of jobs need; who
fetches reads addresses and licences, too, and checks the whole catalogue (`pipeline.fetch.catalogue`). No network.
"""

from functools import lru_cache
from pathlib import Path

from pipeline.errors import UserError

CATALOGUE = Path("data/sources.yaml")
ROOT = Path(__file__).resolve().parents[2]  # the catalogue belongs to this code, wherever a command is called
OPENING = ("file", "sha256_prefix", "inside", "strip")


def names() -> list[str]:
    """Short names of all pretrained files."""
    return list(_entries())


def entry(name: str) -> dict:
    """What is known of a file; UserError for a name that the catalogue does not have.

    `file`: its name in data/weights. `sha256_prefix`: its digest, or the first digits that somebody states, or None.
    `inside`, `strip`: where its tensors lie, if not at the top (`pipeline.weights.unwrap`). `by_hand`: the page to
    open in a browser, where no script can fetch the file.
    """
    if name not in _entries():
        raise UserError(f"'{name}' is no pretrained file of {CATALOGUE}; there are {', '.join(_entries())}.")
    return _entries()[name]


def file_of(name: str) -> str:
    """Where a pretrained file lies once it is fetched."""
    return f"data/weights/{entry(name)['file']}"


def spec(name: str) -> dict:
    """What a job that opens the file must know of it; where it comes from is no part of a result."""
    return {key: value for key, value in entry(name).items() if key in OPENING}


def by_file(file: str) -> dict:
    """The entry of a file in data/weights; UserError if the catalogue has no such file."""
    found = next((each for each in _entries().values() if each["file"] == file), None)
    if found is None:
        raise UserError(f"{file}: no pretrained file of {CATALOGUE} has this name. Add it there, or correct the name.")
    return found


def _entries() -> dict[str, dict]:
    path = ROOT / CATALOGUE
    try:
        return _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file. Restore it with git.") from error


@lru_cache(maxsize=4)
def _read(path: Path, _time: int) -> dict[str, dict]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        sources = yaml.load(path.read_bytes(), Loader=loader)["sources"]
        blocks = {name: block["files"] for name, block in sources.items() if block["kind"] == "weights"}
        return {name: _entry(files[0]) for name, files in blocks.items() if files}
    except (yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: cannot be read ({error}). `python -m pipeline.fetch` says what is wrong.") from error


def _entry(file: dict) -> dict:
    digests = [stated["sha256"] for stated in file.get("checksums", []) if "sha256" in stated]
    pages = [place["by_hand"] for place in file["at"] if "by_hand" in place]
    return {
        "file": file["name"],
        "sha256_prefix": max(digests, key=len, default=None),
        **{key: file[key] for key in ("inside", "strip") if key in file},
        "by_hand": pages[0] if len(pages) == len(file["at"]) else None,
    }
