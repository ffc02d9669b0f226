"""What somebody might do to a clone: edits of settings, code, locks and files, as functions of a workspace."""

import json
import os
import random
import re
import shutil
from collections.abc import Callable

from tests.long.jobs import run
from tests.workflow.workspace import Workspace, write_settings, written

LONG_AGO = (10**9, 10**9)
GENERATOR = "generator.safetensors"
ADAPT, CIRCLE = run("PS", "dada", "adapt"), run("P", "dada", "circle")

Change = Callable[[Workspace], object]


def nothing(clone: Workspace) -> None:
    pass


def setting(path: str, value: object) -> Change:
    """Set one value of the settings, named by a dotted path."""

    def change(params: dict) -> None:
        *place, last = (int(name) if name.isdigit() else name for name in path.split("."))
        for name in place:
            params = params[name]
        params[last] = value

    return lambda clone: clone.change(change)


def edit(path: str, old: str, new: str, keep_time: bool = False) -> Change:
    """Replace the first occurrence of a text in a file."""

    def change(clone: Workspace) -> None:
        file = clone.folder / path
        text = file.read_text()
        assert old in text, f"{path} does not hold {old!r}"
        file.write_text(text.replace(old, new, 1))
        if keep_time:
            os.utime(file, LONG_AGO)

    return change


def flip(path: str) -> Change:
    """Change one byte near the end of a file and give it an old time."""

    def change(clone: Workspace) -> None:
        file = clone.folder / path
        data = bytearray(file.read_bytes())
        data[-5] ^= 1
        file.write_bytes(data)
        os.utime(file, LONG_AGO)

    return change


def remove(*paths: str) -> Change:
    return lambda clone: [(clone.folder / path).unlink() for path in paths]


def swap_files(one: str, other: str) -> Change:
    def change(clone: Workspace) -> None:
        first, second = clone.folder / one, clone.folder / other
        first.rename(first.with_name("kept"))
        second.rename(first)
        first.with_name("kept").rename(second)

    return change


def swap_values(block: str, one: str, other: str) -> Change:
    def change(params: dict) -> None:
        for name in block.split("."):
            params = params[name]
        assert params[one] != params[other]
        params[one], params[other] = params[other], params[one]

    return lambda clone: clone.change(change)


def locked(package: str) -> Change:
    """Another version of a package in the lock."""
    return edit("requirements.lock", f"\n{package}==", f"\n{package}==0.")


def code(module: str, text: str = "\n\nEXTRA = 1\n") -> Change:
    def change(clone: Workspace) -> None:
        file = clone.folder / "pipeline" / module
        file.write_text(file.read_text() + text)

    return change


def shell_line(rules: str) -> Change:
    return edit(f"rules/{rules}.smk", '> {log} 2>&1"', '> {log} 2>&1; true"')


def several(*changes: Change) -> Change:
    return lambda clone: [change(clone) for change in changes] and None


def say_otherwise(clone: Workspace) -> None:
    """Comments, layout and docstrings of every module, every file of rules, the Snakefile and the settings."""
    for path in sorted((clone.folder / "pipeline").rglob("*.py")):
        text = path.read_text()
        if text.startswith('"""'):
            text = '"""Said otherwise. ' + text[3:]
        path.write_text(
            "# a comment\n\n" + re.sub(r"\n\n\n", "\n\n\n\n# another one\n\n", text) + "\n\n# the last one\n"
        )
    rules = sorted((clone.folder / "rules").glob("*.smk"))
    for path in [*rules, clone.folder / "Snakefile"]:
        lines = path.read_text().splitlines(keepends=True)
        commented = (f"{re.match(' *', line)[0]}# a comment\n{line}" if line.strip() else "\n\n" for line in lines)
        text = path.read_text() if path.name == "Snakefile" else "".join(_outside_texts(lines, commented))
        path.write_text(f"# a comment\n\n{text}\n# the last one\n")
    for settings in (clone.folder / "params.yaml", *(clone.folder / "params").glob("*.yaml")):
        lines = settings.read_text().splitlines()
        settings.write_text(
            "# a comment\n" + "\n".join(f"{line}  # said" if line.endswith(":") else line for line in lines)
        )


def _outside_texts(lines: list[str], commented) -> list[str]:
    """Commented lines, but for those within a docstring."""
    inside, found = False, []
    for line, new in zip(lines, commented, strict=True):
        found.append(line if inside or line.startswith('"""') else new)
        inside ^= line.count('"""') % 2 == 1
    return found


def reorder(clone: Workspace) -> None:
    """Every mapping in the settings backwards."""

    def backwards(value: object) -> object:
        if isinstance(value, dict):
            return {key: backwards(part) for key, part in reversed(value.items())}
        return [backwards(part) for part in value] if isinstance(value, list) else value

    before = written(clone.folder)
    write_settings(clone.folder, backwards(before))
    assert written(clone.folder) == before


def touch_all(clone: Workspace) -> None:
    """Every file gets another time, in random order."""
    paths = [path for place in ("data", "results", "pipeline", "rules") for path in (clone.folder / place).rglob("*.*")]
    paths = sorted(path for path in paths if path.is_file())
    random.Random(0).shuffle(paths)
    for index, path in enumerate(paths):
        os.utime(path, (1.9e9 + index, 1.9e9 + index))


def new_method(clone: Workspace) -> None:
    """A copy of a small method under another name: a file, a block, a name in the table."""
    methods = clone.folder / "pipeline/methods"
    shutil.copy(methods / "source_only.py", methods / "copied.py")

    def change(params: dict) -> None:
        params["methods"]["copied"] = {**params["methods"]["source_only"], "label": "Copied"}
        params["tables"]["dada_simcam"]["methods"].append("copied")

    clone.change(change)


def methods_of_table(*names: str) -> Change:
    return setting("tables.dada_simcam.methods", list(names))


def remove_method(params: dict) -> None:
    params["methods"].pop("bicubic")
    for table in params["tables"].values():
        table["methods"] = [name for name in table["methods"] if name != "bicubic"]
    for figure in params["figures"].values():
        if "methods" in figure:
            figure["methods"] = [name for name in figure["methods"] if name != "bicubic"]


def older_format(path: str) -> Change:
    """A receipt as the version before roles, shell lines and seals wrote it."""

    def change(clone: Workspace) -> None:
        file = clone.folder / f"{path}.receipt.json"
        content = json.loads(file.read_text())
        del content["seal"], content["key"]["files"], content["key"]["shell"]
        file.write_text(json.dumps(content))

    return change


def other_line_ends(clone: Workspace) -> None:
    """Checked out as git does for somebody who wants CR LF in text files."""
    clone.git("config", "core.autocrlf", "true")
    clone.git("rm", "-r", "-q", "--cached", ".")
    clone.git("reset", "-q", "--hard")
    assert b"\r\n" in (clone.folder / "pipeline/training/loop.py").read_bytes()


def linked(kind: str) -> Change:
    """Large files become links to DVC's cache (kind copy: files of their own again)."""

    def change(clone: Workspace) -> None:
        clone.dvc("config", "--local", "cache.type", kind)
        clone.dvc("checkout", "--relink")
        first = clone.folder / ADAPT / "generator.safetensors"
        assert (first.is_symlink(), first.stat().st_nlink > 1) == (kind == "symlink", kind == "hardlink")
        assert "up to date" in clone.dvc("status").stdout

    return change


def elsewhere(*folders: str) -> Change:
    """Folders that lie on another disk, with a link in their place."""

    def change(clone: Workspace) -> None:
        for folder in folders:
            other = clone.folder.with_name(f"{clone.folder.name}_elsewhere") / folder
            other.parent.mkdir(parents=True)
            shutil.move(clone.folder / folder, other)
            (clone.folder / folder).symlink_to(other)

    return change


def copy_of_a_run(clone: Workspace) -> None:
    shutil.copytree(clone.folder / ADAPT, (clone.folder / ADAPT).with_name("seed0.mine"))
