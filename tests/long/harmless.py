"""Changes that mean nothing: no audit may raise anything. Each works on a copy of a finished workspace."""

import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml

from pipeline.errors import UserError
from pipeline.plan import params
from tests.long import mutated_settings
from tests.workflow.workspace import write_settings, written

Harmless = Callable[[Path, random.Random], None]


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.rglob(pattern) if path.is_file() and ".git/" not in path.as_posix())


def times(folder: Path, chance: random.Random) -> None:
    """Every file has a time of its own, outputs older than inputs among them."""
    for path in [*_files(folder / "results", "*"), *_files(folder / "data", "*"), *_files(folder / "pipeline", "*.py")]:
        moment = chance.uniform(1e9, 2e9)
        os.utime(path, (moment, moment))


def comments(folder: Path, chance: random.Random) -> None:
    """Comments and blank lines in ten modules."""
    for path in chance.sample(_files(folder / "pipeline", "*.py"), 10):
        path.write_text(f"# {chance.random()}\n\n{path.read_text()}\n\n# the end\n")


def docstrings(folder: Path, chance: random.Random) -> None:
    """Other words in the docstrings of ten modules."""
    for path in chance.sample(_files(folder / "pipeline", "*.py"), 10):
        text = path.read_text()
        assert text.startswith('"""')
        path.write_text(f'"""{chance.random()}. {text[3:]}')


def rule_comments(folder: Path, chance: random.Random) -> None:
    """A comment in a file of rules and in the Snakefile."""
    for path in (chance.choice(_files(folder / "rules", "*.smk")), folder / "Snakefile"):
        path.write_text(f"{path.read_text()}\n\n# {chance.random()}\n")


def settings_order(folder: Path, chance: random.Random) -> None:
    """The settings with their keys in another order, in another layout, with comments."""

    def shuffled(value: object) -> object:
        if isinstance(value, list):
            return [shuffled(item) for item in value]
        if isinstance(value, dict):
            return {name: shuffled(value[name]) for name in chance.sample(list(value), len(value))}
        return value

    layout = {"width": chance.randrange(40, 200), "default_flow_style": None}

    def dump(part: dict) -> str:
        return f"# {chance.random()}\n{yaml.safe_dump(part, sort_keys=False, allow_unicode=True, **layout)}"

    write_settings(folder, shuffled(written(folder)), dump)


def other_settings(folder: Path, chance: random.Random) -> None:
    """A value that these tables do not rest on; one that the schema allows."""
    valid = False
    while not valid:
        place, old = chance.choice(mutated_settings.irrelevant(folder))
        path, changed, _ = mutated_settings.changed(folder, place, old, chance)
        before = (folder / path).read_text()
        (folder / path).write_text(changed)
        try:
            params.load(folder / "params.yaml", folder / params.SCHEMA)
            valid = True
        except UserError:
            (folder / path).write_text(before)


def receipt_layout(folder: Path, chance: random.Random) -> None:
    """Every receipt with its keys in another order and other white space."""
    for path in _files(folder / "results", "*.receipt.json"):
        content = json.loads(path.read_text())
        content = {name: content[name] for name in chance.sample(list(content), len(content))}
        path.write_text(json.dumps(content, indent=chance.choice([None, 2, 7]), ensure_ascii=chance.random() < 0.5))


def order_of_files(folder: Path, chance: random.Random) -> None:
    """Run folders written again in another order, so that listing them gives another order."""
    runs = folder / "results/runs"
    away = folder / "away"
    shutil.move(runs, away)
    for path in chance.sample(_files(away, "*"), len(_files(away, "*"))):
        target = runs / path.relative_to(away)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    shutil.rmtree(away)


def new_files(folder: Path, chance: random.Random) -> None:
    """Files that belong to nothing, among results and among modules."""
    run = chance.choice(_files(folder / "results/runs", "generator.safetensors")).parent
    for path in (run / "notes.txt", run / "state.pt", run / "progress.json", folder / "results/other.safetensors"):
        path.write_bytes(chance.randbytes(100))
    (folder / "pipeline/methods/mine.py").write_text('"""Mine."""\n\nthis is not even Python\n')
    (folder / "data/reported/mine.yaml").write_text("a: 1\n")


def logs(folder: Path, chance: random.Random) -> None:
    """Logs changed or removed, Snakemake's own records gone."""
    for path in [*_files(folder / "results", "log*.txt"), *_files(folder / "results", "*.log")]:
        if chance.random() < 0.5:
            path.write_text("another day\n")
        else:
            path.unlink()
    shutil.rmtree(folder / ".snakemake")


def not_pulled(folder: Path, chance: random.Random) -> None:
    """Some of the large files that DVC keeps are not here."""
    large = _files(folder / "results", "*.safetensors") + _files(folder / "data", "*.safetensors")
    for path in chance.sample(large, len(large) // 2):
        path.unlink()


def unrelated_package(folder: Path, chance: random.Random) -> None:
    """Another version of a package that no job of these tables rests on."""
    path = folder / "requirements.lock"
    name = chance.choice(["pytest", "ruff", "mlflow", "dvc", "snakemake"])
    text = re.sub(rf"^({name}==\S+)", r"\1.1", path.read_text(), count=1, flags=re.M)
    assert text != path.read_text()
    path.write_text(text)


HARMLESS: dict[str, tuple[Harmless, int]] = {
    "times of all files": (times, 4),
    "comments in modules": (comments, 4),
    "docstrings of modules": (docstrings, 4),
    "comments in rules": (rule_comments, 2),
    "order and layout of the settings": (settings_order, 5),
    "settings of other things": (other_settings, 8),
    "order and layout of receipts": (receipt_layout, 3),
    "order of files": (order_of_files, 2),
    "files that belong to nothing": (new_files, 3),
    "logs and Snakemake's records": (logs, 2),
    "large files not pulled": (not_pulled, 3),
    "versions of unrelated packages": (unrelated_package, 4),
}
