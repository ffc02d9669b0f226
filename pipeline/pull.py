"""Download published files from DVC safely: `python -m pipeline.pull [PATH ...]`.

If an object is missing in the store, `dvc pull` and `dvc checkout` remove the whole folder that DVC keeps, for example
`results/runs`, including files that are not DVC's: receipts, metrics, saved states of trainings. So this command first
fetches the objects into DVC's cache, and checks them out only when all requested ones are there.
"""

import argparse
import sys
from pathlib import Path

from pipeline.errors import UserError, exit_code
from pipeline.files import read_json
from pipeline.publish import dvc, kept_folders, locked_md5

LOCK = Path("dvc.lock")


def pull(paths: list[str]) -> None:
    """Check out everything, or the given files and folders; UserError, with nothing changed, if an object is missing."""
    published = {folder: md5 for folder in kept_folders() if LOCK.is_file() and (md5 := locked_md5(folder))}
    if not published:
        raise UserError(f"{LOCK}: this version has no published results. Make them with snakemake.")
    for path in paths:
        if not any(_within(path, folder) for folder in published):
            raise UserError(f"{path}: DVC keeps no files there, only in {', '.join(published)}.")
    paths = paths or list(published)
    dvc("fetch", *paths)
    missing = missing_objects(paths, published, Path(dvc("cache", "dir").splitlines()[-1]))
    if missing:
        names = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
        raise UserError(
            f"Not in the store: {names} ({len(missing)} in all). No local file was changed. Check that it is the right "
            "store (dvc remote list); if it is, ask the publisher to push again."
        )
    print(dvc("checkout", *paths))


def missing_objects(paths: list[str], published: dict[str, str], cache: Path) -> list[str]:
    """Files at or below `paths` whose content is not in DVC's cache; `published`: folder -> its hash in dvc.lock."""
    missing = []
    for folder, md5 in published.items():
        requested = [path for path in paths if _within(path, folder)]
        if requested and not _object(cache, md5).is_file():
            missing.append(folder)
        elif requested:
            entries = {f"{folder}/{entry['relpath']}": entry["md5"] for entry in read_json(_object(cache, md5))}
            needed = [path for path in entries if any(_within(path, request) for request in requested)]
            missing += [path for path in needed if not _object(cache, entries[path]).is_file()]
    return missing


def _object(cache: Path, md5: str) -> Path:
    return cache / "files/md5" / md5[:2] / md5[2:]


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def main() -> int:
    """Command line: paths in the folders that DVC keeps, by default everything."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.pull", description=pull.__doc__)
    parser.add_argument("paths", nargs="*", metavar="PATH", help="for example results/report (default: everything)")
    paths = [Path(path).as_posix() for path in parser.parse_args().paths]
    return exit_code(lambda: pull(paths))


if __name__ == "__main__":
    sys.exit(main())
