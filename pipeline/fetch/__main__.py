"""Command: fetch files of others. `python -m pipeline.fetch NAME ... [--plan] [--accept LICENCE]`.

NAME is a data set or a pretrained file of data/sources.yaml (no NAME: the list of them). Data sets come to
data/raw/NAME: `archives` (read-only), one folder per archive, manifest.csv (path, size, sha256) and inventory.json;
pretrained files to data/raw/weights. Files that already exist are checked and kept.
"""

import argparse
import dataclasses
import os
import signal
import sys

from pipeline.errors import UserError
from pipeline.fetch import catalogue
from pipeline.fetch.run import fetch
from pipeline.fetch.settings import Settings
from pipeline.files import read_json
from pipeline.plan import params
from pipeline.provenance.job import interruptible


def main(words: list[str] | None = None) -> int:
    """Exit code: 0; 1 with a message for what the user can fix; 130 after Ctrl-C; 141 when the reader of stdout left."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.fetch", allow_abbrev=False)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a name in data/sources.yaml; without a name: list them"
    )
    parser.add_argument(
        "--plan", action="store_true", help="only print what would be downloaded, its size and its terms"
    )
    parser.add_argument("--accept", action="append", default=[], metavar="LICENCE", help="accept terms, by their id")
    parser.add_argument("--mirror", metavar="PLACE", help="folder or web address that holds files under their SHA-256")
    parser.add_argument(
        "--repin", metavar="REASON", help="accept a file that differs from the pinned one; the reason is recorded"
    )
    parser.add_argument("--settings", metavar="FILE", help="the block fetch as JSON, instead of that of params.yaml")
    arguments = parser.parse_args(words)
    try:
        with interruptible():
            if arguments.settings:
                settings = Settings.of(read_json(arguments.settings), arguments.settings)
            else:
                settings = Settings.of(params.load()["fetch"])
            accept, mirror = (*settings.accept, *arguments.accept), arguments.mirror or settings.mirror
            settings = dataclasses.replace(settings, accept=accept, mirror=mirror)
            if arguments.names:
                fetch(arguments.names, settings, dry=arguments.plan, repin=arguments.repin)
            else:
                print(_listed(catalogue.load()), flush=True)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader, `head` for example, closed the pipe. Without this, Python would complain when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        # The system refused, for example to read a file or to write to a disk that is no longer mounted.
        print(
            f"error: {error.filename or 'data/raw'}: {error.strerror or error}. Fix that, then run again.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("interrupted: the bytes received so far are kept; run the same command to continue", file=sys.stderr)
        return 130
    return 0


def _listed(sources: dict[str, catalogue.Source]) -> str:
    """One line for each source: name, kind, how it comes, title."""
    return "\n".join(
        f"{source.name:<24} {source.kind:<8} {'fetch' if source.automatic else 'by hand':<8} {source.title}"
        for source in sources.values()
    )


if __name__ == "__main__":
    sys.exit(main())
