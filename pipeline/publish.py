"""Publish results with DVC: only files that code, settings and inputs make today are recorded and pushed.

`dvc commit -f` records whatever lies on the disk. It therefore runs only when Snakemake has nothing to do, the audit
passes, and a receipt names every file that DVC would record. Run as `python -m pipeline.publish`.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from pipeline.errors import UserError, exit_code
from pipeline.files import read_json

RECEIPT = ".receipt.json"
PLACES = ("data", "results")  # folders with receipts
NOTHING = "Nothing to be done"


def published_tables(folder: Path = Path("results/tables")) -> list[str]:
    """Tables that have a receipt; UserError when there is none."""
    tables = [path.as_posix() for path in sorted(folder.glob("*.tex")) if Path(f"{path}{RECEIPT}").is_file()]
    if not tables:
        raise UserError(f"{folder}: holds no finished table, so there is nothing to publish. Run `make demo` first.")
    return tables


def kept_folders(dvc_yaml: Path = Path("dvc.yaml")) -> list[str]:
    """Folders whose files DVC stores: the outs of dvc.yaml without `cache: false` (those are left to git)."""
    stages = yaml.safe_load(dvc_yaml.read_text(encoding="utf-8"))["stages"]
    outs = [out for stage in stages.values() for entry in stage["outs"] for out in entry.items()]
    return [path for path, options in outs if options.get("cache", True)]


def receipted_files(folder: str) -> dict[str, dict]:
    """Path -> {"md5", "size", "sha256"} from the receipts, for every file in `folder` that DVC keeps.

    Files that git keeps (metrics, curves) are left out. UserError names the first file that has no receipt, is missing,
    has another size than its receipt says, or has two receipts that differ.
    """
    entries: dict[str, dict] = {}
    for receipt in sorted(path for place in PLACES for path in Path(place).rglob(f"*{RECEIPT}")):
        for path, entry in read_json(receipt)["outputs"].items():
            if not path.startswith(f"{folder}/") or not _kept(path):
                continue
            if entries.setdefault(path, entry)["md5"] != entry["md5"]:
                raise UserError(f"{path}: two receipts name it with different content. Run `make audit`.")
            if not Path(path).is_file():
                raise UserError(f"{path}: {receipt} names it, but it is missing. Run `make pull` or Snakemake first.")
            if Path(path).stat().st_size != entry["size"]:
                raise UserError(f"{path}: is not the file that {receipt} names. Run `make audit`, then Snakemake.")
    for path in sorted(p.as_posix() for p in Path(folder).rglob("*") if p.is_file()):
        if _kept(path) and path not in entries:
            raise UserError(f"{path}: no receipt says what made it. Remove it, or run the rule that makes it.")
    return entries


def folder_md5(folder: str, files: dict[str, dict]) -> str:
    """Hash by which DVC names `folder` if it holds exactly `files`; computed from their md5, no file is read."""
    entries = [
        {"md5": entry["md5"], "relpath": path.removeprefix(f"{folder}/")} for path, entry in sorted(files.items())
    ]
    return f"{hashlib.md5(json.dumps(entries).encode(), usedforsecurity=False).hexdigest()}.dir"


def locked_md5(folder: str, dvc_lock: Path = Path("dvc.lock")) -> str | None:
    """The hash of an out in dvc.lock, None if it is not there."""
    stages = yaml.safe_load(dvc_lock.read_text(encoding="utf-8"))["stages"]
    hashes = [out["md5"] for stage in stages.values() for out in stage.get("outs", []) if out["path"] == folder]
    return hashes[0] if hashes else None


def publish(tables: list[str]) -> None:
    """Check, commit to DVC, compare DVC's hashes with the receipts', push, check that DVC is clean."""
    plan = _python("snakemake", "--dry-run", "--", *tables)
    if plan.returncode or NOTHING not in plan.stdout:
        raise UserError(
            f"{_tail(plan.stdout)}\nNothing was published: Snakemake still has something to do (above) for "
            f"{', '.join(tables)}. Run it first, e.g. `make demo`."
        )
    audit = _python("pipeline.audit", *tables)
    if audit.returncode:
        raise UserError(f"{_tail(audit.stdout)}\nNothing was published: the audit failed (above).")
    files = {folder: receipted_files(folder) for folder in kept_folders()}
    dvc("commit", "--force")
    for folder, entries in files.items():
        if locked_md5(folder) != folder_md5(folder, entries):
            raise UserError(
                f"dvc.lock: what DVC took from {folder} is not what the receipts name. Nothing was pushed. "
                "Restore dvc.lock (git checkout dvc.lock), run `make audit`, then publish again."
            )
    dvc("push")
    status = dvc("status")
    if "up to date" not in status:
        raise UserError(
            f"{status}\ndvc status is not clean after the commit (above): a file changed meanwhile. Publish again."
        )
    print(f"published: {sum(map(len, files.values()))} files of {', '.join(files)}; tables {', '.join(tables)}.")
    print("Now add the files that git keeps: git add dvc.lock data results && git commit")


def _kept(path: str) -> bool:
    # Audit pages are not published: .dvcignore leaves them out, too.
    return path.endswith((".safetensors", ".html")) and not path.startswith("results/report/audit_")


def _python(module: str, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False
    )


def dvc(*arguments: str) -> str:
    """Output of `dvc` with these arguments; UserError with its last lines when it fails."""
    done = _python("dvc", *arguments)
    if done.returncode:
        message = f"dvc {' '.join(arguments)} failed (above); no local file was lost. See docs/data-versioning.md."
        raise UserError(f"{_tail(done.stdout)}\n{message}")
    return done.stdout.rstrip()


def _tail(text: str, lines: int = 40) -> str:
    return "\n".join(text.rstrip().splitlines()[-lines:])


def main() -> int:
    """Command line: the tables to publish, by default every finished one."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.publish", description=publish.__doc__)
    parser.add_argument("tables", nargs="*", help="tables that must be up to date (default: every finished one)")
    tables = parser.parse_args().tables
    return exit_code(lambda: publish(tables or published_tables()))


if __name__ == "__main__":
    sys.exit(main())
