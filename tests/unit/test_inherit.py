"""`like` and `variants`: what a block becomes, where its values stand, and what cannot be followed."""

import pytest

from pipeline.errors import UserError
from pipeline.plan import settings_files
from pipeline.plan.inherit import Node, plain, resolve


def read(tmp_path, text: str) -> Node:
    """One file of settings, resolved."""
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return settings_files.read(path)


BASE = "a: {x: 1, list: [1, 2], deep: {u: 1, v: {w: 2}}, none: 3}\n"


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("{like: a}", {"x": 1, "list": [1, 2], "deep": {"u": 1, "v": {"w": 2}}, "none": 3}),
        ("{like: a, x: 2, y: 5}", {"x": 2, "list": [1, 2], "deep": {"u": 1, "v": {"w": 2}}, "none": 3, "y": 5}),
        ("{like: a, deep: {v: {t: 4}}}", {"x": 1, "list": [1, 2], "deep": {"u": 1, "v": {"w": 2, "t": 4}}, "none": 3}),
        ("{like: a, list: [3]}", {"x": 1, "list": [3], "deep": {"u": 1, "v": {"w": 2}}, "none": 3}),
        ("{like: a, none: null, deep: {}}", {"x": 1, "list": [1, 2], "deep": {}, "none": None}),
        ("{like: a, deep: null}", {"x": 1, "list": [1, 2], "deep": None, "none": 3}),
        ("{like: a, deep: {like: null, u: 9}}", {"x": 1, "list": [1, 2], "deep": {"u": 9}, "none": 3}),
        ("{like: a, deep: {like: a.deep.v}}", {"x": 1, "list": [1, 2], "deep": {"w": 2}, "none": 3}),
        ("{like: a.deep, u: {n: 1}}", {"u": {"n": 1}, "v": {"w": 2}}),
        ("{one: 1, two: {like: one}, three: {like: a.list}}", {"one": 1, "two": 1, "three": [1, 2]}),
        ("{4: {k: 1}, 3: {like: 4}, 2: {like: b.3, k: 2}}", {4: {"k": 1}, 3: {"k": 1}, 2: {"k": 2}}),
    ],
)
def test_a_copy_and_then_its_own_keys(tmp_path, block, expected):
    for text in (BASE + f"b: {block}\n", f"b: {block}\n" + BASE):
        assert plain(read(tmp_path, text))["b"] == expected


def test_a_copy_of_a_copy_and_of_what_it_copied(tmp_path):
    text = BASE + "b: {like: a, x: 2}\nc: {like: b, none: 4}\nd: {deep: {like: c.deep}, v: {like: b.deep.v, w: 0}}\n"
    found = plain(read(tmp_path, text))
    assert found["c"] == {"x": 2, "list": [1, 2], "deep": {"u": 1, "v": {"w": 2}}, "none": 4}
    assert found["d"] == {"deep": {"u": 1, "v": {"w": 2}}, "v": {"w": 0}}
    found["c"]["deep"]["v"]["w"] = 7  # no two blocks share anything
    assert found["a"]["deep"]["v"]["w"] == found["b"]["deep"]["v"]["w"] == 2


def test_variants_are_blocks_beside_their_block(tmp_path):
    text = "t:\n  m: {s: 4, r: p, variants: {x2: {s: 2, r: null}, x3: {like: m_x2, s: 3}}}\n"
    text += "  n: {like: m, s: 5}\n  o: {like: m_x2}\n"
    found = plain(read(tmp_path, text))["t"]
    assert found == {
        "m": {"s": 4, "r": "p"},
        "m_x2": {"s": 2, "r": None},
        "m_x3": {"s": 3, "r": None},
        "n": {"s": 5, "r": "p"},
        "o": {"s": 2, "r": None},
    }
    assert list(found) == ["m", "m_x2", "m_x3", "n", "o"]


def test_every_value_keeps_its_place(tmp_path):
    text = "t:\n  a:\n    x: 1\n    deep:\n      u: 2\n    variants:\n      v2: {x: 3}\n"
    text += "  b:\n    like: a_v2\n    y: [1,\n      2]\n"
    found = read(tmp_path, text)
    lines = {
        ("t", "a_v2"): 7,
        ("t", "a_v2", "x"): 7,
        ("t", "a_v2", "deep", "u"): 5,
        ("t", "b"): 8,
        ("t", "b", "x"): 7,
        ("t", "b", "deep", "u"): 5,
        ("t", "b", "y", 1): 11,
        ("t", "b", "not", "there"): 8,
    }
    assert {path: found.nearest(path).line for path in lines} == lines
    assert found.nearest(("t", "b")).place == f"{tmp_path}/params.yaml, line 8"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t:\n  a: {like: b}\n  b: {like: a}\n", "line 2: `like` goes in a circle: t.a -> t.b -> t.a"),
        ("t:\n  a: {like: a}\n", "line 2: `like` goes in a circle: t.a -> t.a"),
        ("t:\n  a: {b: {like: t.a}}\n", "line 2: `like` goes in a circle: t.a -> t.a.b -> t.a"),
        ("t:\n  a: {x: 1}\n  b:\n    like: c\n", "line 4: like: there is no 't.c'; there is a, b"),
        ("t:\n  a: {x: 1}\n  b: {like: t.a.y.z}\n", "line 3: like: there is no 't.a.y'; there is x"),
        ("t:\n  a: {x: 1}\n  b: {like: t.a.x.z}\n", "line 3: like: there is no 't.a.x.z'; there is nothing"),
        ("t:\n  a: {x: 1}\n  b: {like: t.a.x, y: 2}\n", "line 3: like: 't.a.x' is no block"),
        ("t:\n  a:\n    variants: {x2: {}}\n  a_x2: {}\n", "line 3, and .*line 4: both define 'a_x2'"),
        ("t:\n  a_x2: {}\n  a:\n    variants: {x2: {}}\n", "line 2, and .*line 4: both define 'a_x2'"),
        ("t:\n  a:\n    variants: {x2: 4}\n", r"line 3: expected `variants: \{x2: "),
        ("t:\n  a:\n    variants: [x2]\n", r"line 3: expected `variants: \{name: "),
    ],
)
def test_what_cannot_be_followed_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(UserError, match=rf"params\.yaml, {message}"):
        read(tmp_path, text)


def test_what_is_resolved_stays_as_it_is(tmp_path):
    found = read(tmp_path, BASE + "b: {like: a, deep: {like: null, x: 1}, variants: {c: {x: 1}}}\n")
    assert plain(resolve(found)) == plain(found)
