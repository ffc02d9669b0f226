"""`python -m pipeline.adopt NAME`: check whether a folder holds a data set: names, pairs, counts, every image.

The folder is never written to. Exit code 0 for pass and partial, 1 for fail and for a folder that could not be checked.
Complete lists: results/adoption/NAME.json.
"""

import argparse
import os
import sys
from pathlib import Path

from pipeline.adopt import advice, archives, images, layouts, parts, record, text, verdict
from pipeline.errors import UserError
from pipeline.files import write_json
from pipeline.plan import params


def adopt(name: str, folder: Path, decode: int | None, workers: int, shown: int) -> tuple[dict, str]:
    """Check `folder` and write the report; return (report, text to print). UserError when the folder cannot be checked."""
    layout = layouts.named(name)
    if not folder.is_dir():
        raise UserError(f"{folder}: is not a folder. {_remedy(name, layout.get)}")
    read_from, problems = archives.unpacked(name, folder)
    inventory = parts.inventory(layout, read_from)
    looks = images.looks((image.path for image in inventory.images), decode, layout.grey, workers)
    rows = verdict.rows(layout, inventory, looks)
    notes = [*problems, *layout.check({row.part: row for row in rows}, inventory.images, looks)]
    if read_from != folder:
        notes.append(f"Archives were unpacked into {read_from}; jobs read that folder; your copy was not changed.")
    if decode is not None:
        notes.append(
            f"Only {min(decode, len(looks)):,} of {len(looks):,} images were decoded; of the others only the headers were read."
        )
    report = record.record(name, folder, layout, inventory, rows, looks, notes)
    lines = [text.text(layout, report, rows, shown)]
    if before := record.last(name):
        changes = record.changes(before, report)
        lines += text.changed(changes, shown) or ["unchanged since the last report (same digest)"]
        report["since_last"] = changes
    if report["level"] == "fail":
        lines.append(_remedy(name, layout.get))
    write_json(record.path_of(name), report)
    return report, "\n".join([*lines, f"complete lists: {record.path_of(name)}"])


def _remedy(name: str, get: str) -> str:
    return f"Get it: {get}. Set `adopt.{name}` in site.yaml to the folder that holds it, then: python -m pipeline.adopt {name}"


def _decode(value: str) -> int | None:
    if value == "all":
        return None
    if not value.isdigit():
        raise argparse.ArgumentTypeError(f"'{value}': expected 'all' or a number of images")
    return int(value)


def _count(value: str) -> int:
    if not value.isdigit() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"'{value}': expected a whole number of at least 1")
    return int(value)


def main(words: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.adopt", description=__doc__, allow_abbrev=False)
    parser.add_argument("name", help=", ".join(layouts.LAYOUTS))
    parser.add_argument("--folder", type=Path, help="the copy (default: `adopt.NAME` in site.yaml)")
    parser.add_argument(
        "--decode", type=_decode, default=None, metavar="all|N", help="all images, or N drawn at random"
    )
    parser.add_argument(
        "--workers", type=_count, default=len(os.sched_getaffinity(0)), help="files looked at at once (default: cores)"
    )
    parser.add_argument("--shown", type=_count, default=5, metavar="N", help="names printed of every list")
    arguments = parser.parse_args(words)
    try:
        layout = layouts.named(arguments.name)
        settings = params.load()
        folder = arguments.folder or settings["adopt"].get(arguments.name)
        if folder is None:
            raise UserError(
                f"`adopt.{arguments.name}` in site.yaml names no folder. {_remedy(arguments.name, layout.get)}"
            )
        report, summary = adopt(arguments.name, Path(folder), arguments.decode, arguments.workers, arguments.shown)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return 130
    print(record.printable("\n".join([summary, *advice.lines(settings, arguments.name, Path(folder), report)])))
    return 1 if report["level"] == "fail" else 0


if __name__ == "__main__":
    sys.exit(main())
