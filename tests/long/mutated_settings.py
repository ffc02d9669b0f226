"""Which settings the two tables of the tiny edition rest on, said without asking the pipeline."""

import copy
import random
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import yaml

from tests.workflow.workspace import OWNERS, WithoutAliases, written

# Everything below these is a setting of the tables dada_simcam and dada_simcam_crossdevice ...
WITHIN = (
    r"datasets\.simcam\.",
    r"editions\.small\.",
    r"methods\.(bicubic|source_only|dada|target_only)\.",
    r"metrics\.(psnr_y|ssim_rgb|lpips_alex)\.",
    r"tables\.(dada_simcam|dada_simcam_crossdevice)\.",
)
# ... except these, each for a reason.
IRRELEVANT = {
    r"editions\.small\.resources\.": "what a job asks of the machine does not change its result",
    r"editions\.small\.training\.": "how often a run reports and saves its state",
    r"editions\.small\.networks\.(?!(generator|downsampler|discriminator)\.)": "networks of methods of other tables",
    r"tables\.\w+\.order\.": "what pipeline.tables.ordering asks",
    r"datasets\.simcam\.label": "the name of the edition is printed by the picture page alone",
    r"datasets\.simcam\.credits\.": "printed by the picture page alone",
    r"datasets\.simcam\.cameras\.\w+\.short": "short names are for figures",
    r"datasets\.simcam\.cameras\.\w+\.recipes\.[23]\.": "cameras at other scales",
    r"methods\.\w+\.stages\.\w+\.loss\.paper\.": "the preset that is not chosen",
    r"methods\.\w+\.stages\.\w+\.schedule\.(lab|paper)\.": "schedules of other editions",
    r"methods\.\w+\.(paper|official)$": "where a method was published",
    r"methods\.dada\.stages\.up\.": "a stage that no run of these tables starts from",
}


Leaf = tuple[tuple, object]


def relevant(folder: Path) -> list[Leaf]:
    """(path, value) of every single value that the tables rest on."""
    return [leaf for leaf in _within(folder) if not _matches(leaf, IRRELEVANT)]


def irrelevant(folder: Path) -> list[Leaf]:
    """The exceptions."""
    return [leaf for leaf in _within(folder) if _matches(leaf, IRRELEVANT)]


def _within(folder: Path) -> list[Leaf]:
    return [leaf for leaf in leaves(written(folder), ()) if _matches(leaf, WITHIN)]


def _matches(leaf: Leaf, patterns: Iterable[str]) -> bool:
    return any(re.match(pattern, ".".join(map(str, leaf[0]))) for pattern in patterns)


def leaves(value: object, place: tuple) -> Iterator[Leaf]:
    """Every single value of nested dictionaries and lists; empty ones hold none."""
    if isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*place, name))
    else:
        yield place, value


def put(content: dict, place: tuple, value: object) -> None:
    """Set the value at a path."""
    for name in place[:-1]:
        content = content[name]
    content[place[-1]] = value


def changed(folder: Path, place: tuple, old: object, chance: random.Random) -> tuple[str, str, object]:
    """The file that holds a setting, its text with another value there, aliases written out, and that value."""
    path = OWNERS.get(place[0], "params.yaml")
    content = copy.deepcopy(_plain((folder / path).read_text()))
    new = _another(place, old, chance)
    put(content, place, new)
    return path, yaml.dump(content, Dumper=WithoutAliases, sort_keys=False, allow_unicode=True), new


@cache
def _plain(text: str) -> dict:
    return yaml.safe_load(yaml.dump(yaml.safe_load(text), Dumper=WithoutAliases, sort_keys=False))


def _another(place: tuple, old: object, chance: random.Random) -> object:
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return old + chance.choice([1, 2])
    if isinstance(old, float):
        return round(old * chance.choice([0.5, 1.5]), 9) if old else 0.5
    if old is None:
        return {"gain": {"method": "source_only", "over": "source_only"}, "reported": "dada"}[place[-1]]
    alternatives = {
        "better": ["lower", "higher"],
        "preset": ["code", "paper"],
        "edition": ["lab", "small"],
        "shape": ["disc", "gaussian"],
        "precision": ["bf16", "fp32"],
        "final": ["l1", "gw"],
    }
    others = [word for word in alternatives.get(str(place[-1]), []) if word != old]
    return chance.choice(others) if others else f"{old}x"
