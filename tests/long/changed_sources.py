"""Single random changes to what jobs rest on: settings, reported numbers, code, locked packages, shell lines."""

import ast
import difflib
import json
import re

from tests.long import mutated_settings
from tests.long.changed_results import digit
from tests.long.workshop import Made, Workshop


def parameter(shop: Workshop) -> Made:
    """A setting that the tables rest on: its line in its file, as it was and as it is."""
    place, old = shop.chance.choice(mutated_settings.relevant(shop.folder))
    path, text, _ = mutated_settings.changed(shop.folder, place, old, shop.chance)
    return {path: text.encode()}, (path, *changed_lines(shop.text(path), text))


def changed_lines(before: str, after: str) -> tuple[str, ...]:
    """What a diff says of two texts: where they differ, and the lines of both."""
    return tuple(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]


def reported(shop: Workshop) -> Made:
    """A digit of a number that the paper prints."""
    path = "data/reported/dada.yaml"
    text = shop.text(path)
    lines = list(re.finditer(r"^      ([a-z]+-[a-z]+): \{.*\}$", text, re.M))
    line = shop.chance.choice(lines)
    number = shop.chance.choice(
        [m for m in re.finditer(r"(\w+): (\d+\.\d+)", text) if line.start() < m.start() < line.end()]
    )
    changed, _ = digit(shop, text, range(*number.span(2)))
    return {path: changed.encode()}, (path, line[1], *changed_lines(text, changed))


def constant(shop: Workshop) -> Made:
    """A number in a module that some job below the tables imports."""
    modules = sorted({name for receipt in shop.receipts for name in json.loads(shop.read(receipt))["run"]["modules"]})
    name = shop.chance.choice(modules)
    path = name.replace(".", "/")
    path = f"{path}.py" if (shop.folder / f"{path}.py").is_file() else f"{path}/__init__.py"
    lines = shop.text(path).splitlines(keepends=True)
    numbers = [
        node
        for node in ast.walk(ast.parse("".join(lines)))
        if isinstance(node, ast.Constant) and type(node.value) in (int, float) and lines[node.lineno - 1].isascii()
    ]
    if not numbers:
        return None
    node = shop.chance.choice(numbers)
    line = lines[node.lineno - 1]
    lines[node.lineno - 1] = f"{line[: node.col_offset]}{node.value + 1}{line[node.end_col_offset :]}"
    return {path: "".join(lines).encode()}, (name,)


def locked(shop: Workshop) -> Made:
    """The version of a package that some job rests on, directly or not."""
    text = shop.text("requirements.lock")
    package = shop.chance.choice(
        ["torch", "numpy", "scipy", "safetensors", "pillow", "lpips", "pyyaml", "sympy", "filelock"]
    )
    match = re.search(rf"^{package}==(\S+)", text, re.M)
    new = f"{match[1]}.1"
    changed = text[: match.start(1)] + new + text[match.end(1) :]
    return {"requirements.lock": changed.encode()}, (f"-{package}=={match[1]}", f"+{package}=={new}")


def shell(shop: Workshop) -> Made:
    """The line that starts the jobs of a rule."""
    name = shop.chance.choice(["pack", "train", "evaluate", "table"])
    path = f"rules/{name}.smk"
    word = shop.chance.choice(["nice ", "time ", "exec "])
    return {path: shop.text(path).replace('"{params.command}', f'"{word}{{params.command}}').encode()}, (
        name,
        "shell",
    )
