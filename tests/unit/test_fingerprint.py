"""Hash of code: what counts, what does not, whose code it covers."""

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.provenance import fingerprint

SOURCE = '''"""About this."""
from . import tools
from .parts.wheel import Wheel as W

RATE: float = 1.0e-4
NAMES = ("größe", "\\u2009", b"\\xff", 1_000, 2.5j, ...)


class Car(W, metaclass=type):
    """A car."""

    def drive(self, *roads, speed=None, **more) -> str:
        """Drive."""
        first, *rest = roads
        if (n := len(rest)) > 1 and not speed:
            raise ValueError(f"{n!r:>{8}} roads" f"{speed}") from None
        return f"{first}" + rf"\\{n}" + "a" "b"

    async def load(self):
        async with tools.open(self) as stream:
            return [line async for line in stream if line[1:-1]]


match RATE:
    case {"a": [1, *_], **rest} | rest:
        del rest
    case _:
        print(lambda x, /, y=1, *, z: x if y else z, end="")
'''
# Computed once; every version of Python must find the same.
HASH_OF_SOURCE = "eaa1886ad89c3de3044a231b562277aa73eb035af238cff86c3a33b728d76ea9"


@pytest.fixture
def package(tmp_path) -> Path:
    """own -> job -> (tools, parts.wheel -> deep); lone stands alone."""
    texts = {
        "own/__init__.py": "",
        "own/job.py": SOURCE,
        "own/tools.py": "import own.lone_not_there\nimport json\nopen = json\n",
        "own/parts/__init__.py": "SIZE = 4\n",
        "own/parts/wheel.py": "def turn():\n    from ..deep import nested\n    return nested\n\n\nclass Wheel:\n    pass\n",
        "own/deep/nested.py": "import own.tools\n",
        "own/lone.py": "import torch\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / "own"


def total(package: Path, *modules: str) -> str:
    return fingerprint.digest(fingerprint.closure(modules, package))


def test_closure_follows_every_kind_of_import(package):
    found = fingerprint.closure(["own.job"], package)
    assert set(found) == {"own", "own.job", "own.tools", "own.parts", "own.parts.wheel", "own.deep.nested"}
    assert set(fingerprint.closure(["own.lone", "own.tools"], package)) == {"own", "own.lone", "own.tools"}


def test_same_hash_on_every_python(package):
    assert fingerprint.closure(["own.job"], package)["own.job"] == HASH_OF_SOURCE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""About this."""', '"""About that.\n\nMore."""'),
        ('        """Drive."""\n', ""),
        ("RATE: float = 1.0e-4", "# why\nRATE :   float=(\n    0.0001  # here\n)"),
        ('"größe"', "'gr\\u00f6\\xdfe'"),
        ("1_000", "1000"),
    ],
)
def test_spelling_does_not_count(package, old, new):
    before = total(package, "own.job")
    assert old in SOURCE
    (package / "job.py").write_text(SOURCE.replace(old, new), encoding="utf-8")
    assert total(package, "own.job") == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1.0e-4", "1.0e-3"),
        ("> 1 and", ">= 1 and"),
        ("speed=None", "speed=0"),
        ("1_000", "1_000.0"),
        ("{n!r:>{8}}", "{n!r:>{9}}"),
        ("{n!r:", "{n!s:"),
        ("y=1, *, z", "y=1, z=None"),
        ("async with", "with"),
        ("[1:-1]", "[1:]"),
        ("*roads", "roads"),
        ('"a" "b"', '"ab "'),
        ("from None", ""),
        ("not speed", "speed"),
    ],
)
def test_meaning_counts(package, old, new):
    before = total(package, "own.job")
    assert old in SOURCE
    (package / "job.py").write_text(SOURCE.replace(old, new), encoding="utf-8")
    assert total(package, "own.job") != before


@pytest.mark.parametrize("name", ["tools.py", "deep/nested.py", "parts/__init__.py", "__init__.py"])
def test_every_module_of_the_closure_counts(package, name):
    before = total(package, "own.job")
    (package / name).write_text("CHANGED = 1\n")
    assert total(package, "own.job") != before


def test_a_style_sheet_beside_a_module_counts(package):
    hashes = [total(package, "own.job")]
    for text in ("p { color: red }", "p { color: blue }"):
        (package / "tools.css").write_text(text)
        hashes.append(total(package, "own.job"))
    (package / "tools.css").rename(package / "lone.css")
    assert len(set(hashes)) == 3 and total(package, "own.job") == hashes[0]


def test_a_module_that_is_not_imported_does_not_count(package):
    before = total(package, "own.job")
    (package / "lone.py").write_text("CHANGED = 1\n")
    (package / "new.py").write_text("CHANGED = 1\n")
    assert total(package, "own.job") == before


def test_modules_that_changed_places_differ(package):
    (package / "one.py").write_text("A = 1\n")
    (package / "two.py").write_text("A = 2\n")
    before = total(package, "own.one", "own.two")
    (package / "one.py").write_text("A = 2\n")
    (package / "two.py").write_text("A = 1\n")
    assert total(package, "own.one", "own.two") != before
    assert fingerprint.digest({"own.one": "1"}) != fingerprint.digest({"own.two": "1"})


def test_unknown_and_broken_modules_are_named(package):
    with pytest.raises(UserError, match=r"own/methods/dann\.py: no such module, but .* names own\.methods\.dann"):
        fingerprint.closure(["own.methods.dann"], package)
    (package / "tools.py").write_text("def broken(:\n")
    with pytest.raises(UserError, match=r"own/tools\.py: not valid Python"):
        fingerprint.closure(["own.job"], package)


def test_code_of_this_package():
    assert (
        fingerprint.code("pipeline.provenance.job")
        == fingerprint.code("pipeline.provenance.job")
        != fingerprint.code("pipeline.files")
    )
    assert "pipeline.files" in fingerprint.closure(["pipeline.provenance.job"])
    assert not {"pipeline.provenance.receipts", "pipeline.workflow.sync", "pipeline.audit"} & set(
        fingerprint.closure(["pipeline.provenance.job"])
    )
