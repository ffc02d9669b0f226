"""data/sources.yaml: what can be fetched, from where, under which terms, and who states what it must be."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError

CATALOGUE = Path("data/sources.yaml")
SCHEMA = Path("rules/schemas/sources.schema.yaml")
WHOLE = {"sha256": 64, "md5": 32}
AUTOMATIC = ("http", "drive", "hub", "git")


@dataclass(frozen=True)
class Checksum:
    """One stated digest, whole or (a hash in a file's name) its beginning; `trust`: the class of whoever states it."""

    algorithm: str
    value: str
    by: str
    trust: str

    @property
    def whole(self) -> bool:
        """Whether it is all digits of the digest."""
        return len(self.value) == WHOLE[self.algorithm]


@dataclass(frozen=True)
class Location:
    """Where a file lies: `kind` http, drive, hub, git or by_hand, and what that kind needs to know."""

    kind: str
    value: dict

    @property
    def origin(self) -> str:
        """Its lasting name, for people and for recognising parts."""
        value = self.value
        if self.kind == "drive":
            return f"https://drive.google.com/uc?id={value['id']}"
        if self.kind == "hub":
            folder = "datasets/" if value["dataset"] else ""
            return (
                f"https://huggingface.co/{folder}{value['repo']}/resolve/{value['revision'] or 'main'}/{value['path']}"
            )
        if self.kind == "git":
            return f"{value['repo']}@{value['commit']}:{value['path']}"
        return value["url"]


@dataclass(frozen=True)
class Expectation:
    """Files below an unpacked archive whose paths match `names` entirely: how many, and who says so."""

    names: str
    count: int
    by: str


@dataclass(frozen=True)
class File:
    """One file to fetch. `into`: folder that it is unpacked to, None for a file that stays as it is."""

    name: str
    size: int | None
    checksums: tuple[Checksum, ...]
    locations: tuple[Location, ...]
    into: str | None
    suffixes: tuple[str, ...]
    holds: tuple[Expectation, ...]

    @property
    def whole_checksum(self) -> bool:
        """Whether somebody states all of its digest."""
        return any(checksum.whole for checksum in self.checksums)

    @property
    def automatic(self) -> bool:
        """Whether a script can get it from anywhere."""
        return any(location.kind in AUTOMATIC for location in self.locations)


@dataclass(frozen=True)
class Licence:
    """Terms; `ask`: they must be accepted by name before anything is fetched."""

    name: str
    terms: str
    ask: bool


@dataclass(frozen=True)
class Source:
    """A data set or pretrained network. `manual`: what a person has to do where no script can."""

    name: str
    kind: str
    title: str
    home: str
    licence: Licence
    files: tuple[File, ...]
    manual: str | None

    @property
    def automatic(self) -> bool:
        """Whether all its files can be fetched by a script."""
        return self.manual is None and bool(self.files) and all(file.automatic for file in self.files)


def load(path: str | Path = CATALOGUE, schema: str | Path = SCHEMA) -> dict[str, Source]:
    """Read and check the catalogue; UserError names everything that is wrong."""
    import jsonschema
    import yaml

    try:
        # The same reader in C, where it is there: a second less.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        content = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=loader)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file. Run from the top folder of the repository.") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {error}") from error
    validator = jsonschema.Draft202012Validator(yaml.safe_load(Path(schema).read_text(encoding="utf-8")))
    found = sorted(validator.iter_errors(content), key=lambda error: [str(part) for part in error.absolute_path])
    problems = [f"{'.'.join(map(str, error.absolute_path)) or '(top)'}: {error.message}" for error in found]
    problems = problems or list(_contradictions(content))
    if problems:
        raise UserError(f"{path}: " + f"\n{path}: ".join(problems))
    return {name: _source(name, block, content) for name, block in content["sources"].items()}


def find(sources: dict[str, Source], names: list[str]) -> list[Source]:
    """Sources by name; UserError for one that is not in the catalogue."""
    unknown = [name for name in names if name not in sources]
    if unknown:
        raise UserError(f"{', '.join(unknown)}: not in {CATALOGUE}. It has {', '.join(sorted(sources))}.")
    return [sources[name] for name in names]


def _contradictions(content: dict) -> Iterator[str]:
    seen: dict[str, str] = {}
    for name, block in content["sources"].items():
        if block["licence"] not in content["licences"]:
            yield f"sources.{name}.licence: '{block['licence']}' is not one of licences"
        if block["kind"] == "weights" and len(block["files"]) > 1:
            yield f"sources.{name}.files: a pretrained file is called by the name of its source, so this can have only one"
        for file in block["files"]:
            place = f"sources.{name}.files.{file['name']}"
            if file["name"] in seen:
                yield f"{place}: sources.{seen[file['name']]} has a file of this name; the lock tells files by name"
            seen[file["name"]] = name
            witnesses = [checksum["by"] for checksum in file.get("checksums", [])]
            witnesses += [holds["by"] for holds in file.get("holds", [])]
            yield from (
                f"{place}: '{by}' is not one of witnesses" for by in witnesses if by not in content["witnesses"]
            )
            if block["kind"] == "dataset" and "into" not in file:
                yield f"{place}: says not what folder it is unpacked `into`"
            for holds in file.get("holds", []):
                try:
                    re.compile(holds["names"])
                except re.error as error:
                    yield f"{place}.holds: {holds['names']!r} is no regular expression ({error})"
            whole = any(
                len(checksum.get(kind, "")) == WHOLE[kind] for checksum in file.get("checksums", []) for kind in WHOLE
            )
            for location in file["at"]:
                if "hub" in location and location["hub"]["revision"] is None and not whole:
                    yield f"{place}: a Hugging Face location needs a revision of 40 digits where nobody states a checksum"


def _source(name: str, block: dict, content: dict) -> Source:
    licence = Licence(block["licence"], **content["licences"][block["licence"]])
    files = tuple(_file(file, content["witnesses"]) for file in block["files"])
    return Source(name, block["kind"], block["title"], block["home"], licence, files, block.get("manual"))


def _file(block: dict, witnesses: dict) -> File:
    checksums = (
        Checksum(algorithm, value, stated["by"], witnesses[stated["by"]]["trust"])
        for stated in block.get("checksums", [])
        for algorithm, value in stated.items()
        if algorithm != "by"
    )
    locations = (_location(*next(iter(location.items()))) for location in block["at"])
    holds = (Expectation(**expected) for expected in block.get("holds", []))
    return File(
        block["name"],
        block.get("size"),
        tuple(checksums),
        tuple(locations),
        block.get("into"),
        tuple(block.get("suffixes", [])),
        tuple(holds),
    )


def _location(kind: str, value: str | dict) -> Location:
    if isinstance(value, str):
        return Location(kind, {"id" if kind == "drive" else "url": value})
    return Location(kind, value)
