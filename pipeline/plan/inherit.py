"""`like: other` and `variants` in settings, resolved; every value keeps the file and line where it was written.

* `like: name` in a block: a deep copy of another block, then the block's own keys. `name` stands beside the block, or is a
  path from the top with dots, `methods.dada.stages.adapt`. Mappings are merged key by key. Everything else replaces what was
  copied: values, lists, null, and the empty mapping `{}`. A mapping inside with a `like` of its own replaces, too; so
  `like: null`, like nothing, is how a whole mapping is written anew. `{like: name}` alone may also name a value or a list.
* `variants: {x2: {...}}` in block `dada` makes block `dada_x2` beside it: like `dada`, then these keys. A variant may name
  another `like`. Variants are not copied by `like`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import UserError


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the settings and its place. `value`: dict of key -> Node, list of Nodes, or a single value.

    `line` is None for what was given on the command line. `apart`: had a `like` of its own, so it replaces and never merges.
    """

    value: object
    file: str
    line: int | None
    apart: bool = False

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{self.file}, line {self.line}" if self.line else self.file

    def key(self, word: object) -> object | None:
        """The key of this mapping that reads like `word` (4 and "4" do), or None."""
        keys = self.value if isinstance(self.value, dict) else ()
        return word if word in keys else next((key for key in keys if str(key) == str(word)), None)

    def nearest(self, path: Sequence) -> "Node":
        """The node at a path, or the deepest one on the way to it."""
        node = self
        for word in path:
            if isinstance(node.value, list) and isinstance(word, int) and word < len(node.value):
                node = node.value[word]
            elif (key := node.key(word)) is not None:
                node = node.value[key]
            else:
                break
        return node


def plain(node: Node) -> object:
    """The value alone, made of new dicts and lists."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    return [plain(child) for child in node.value] if isinstance(node.value, list) else node.value


def tree(value: object, file: str) -> Node:
    """The opposite of `plain`, for values without lines, as of the command line."""
    if isinstance(value, Mapping):
        return Node({key: tree(child, file) for key, child in value.items()}, file, None)
    return Node([tree(child, file) for child in value] if isinstance(value, list) else value, file, None)


def merge(base: Node, own: Node) -> Node:
    """`own` over `base`: mappings key by key; what is no mapping, is empty or has its own `like` replaces."""
    both = isinstance(base.value, dict) and isinstance(own.value, dict) and own.value
    if not both or own.apart or "like" in own.value:
        return own
    merged = {key: merge(base.value[key], child) if key in base.value else child for key, child in own.value.items()}
    return Node({**base.value, **merged}, base.file, base.line)


def resolve(root: Node) -> Node:
    """The settings without `like` and `variants`; UserError names file and line of one that cannot be followed."""
    root = _spread(root)
    return _Resolver(root).final((), root)


def _spread(node: Node) -> Node:
    """Every variant as a block of its own beside its block."""
    if not isinstance(node.value, dict):
        return node
    found: dict[object, Node] = {}
    for name, block in ((name, _spread(child)) for name, child in node.value.items()):
        for key, own in _blocks(name, block):
            if key in found:
                raise UserError(f"{found[key].place}, and {own.place}: both define '{key}'. Give one another name.")
            found[key] = own
    return Node(found, node.file, node.line)


def _blocks(name: object, block: Node) -> Iterator[tuple[object, Node]]:
    """A block without its variants, and each of these."""
    variants = block.value.get("variants") if isinstance(block.value, dict) else None
    if variants is None:
        yield name, block
        return
    yield name, Node({key: child for key, child in block.value.items() if key != "variants"}, block.file, block.line)
    for suffix, own in variants.value.items() if isinstance(variants.value, dict) else [("", variants)]:
        if not isinstance(own.value, dict):
            raise UserError(
                f"{own.place}: expected `variants: {{{suffix or 'name'}: {{...}}}}`, a block for each name."
            )
        yield f"{name}_{suffix}", Node({"like": Node(name, own.file, own.line), **own.value}, own.file, own.line)


class _Resolver:
    """Resolves blocks when they are asked for, each once."""

    def __init__(self, root: Node):
        self.root, self.done, self.open = root, {}, []

    def final(self, path: tuple, node: Node) -> Node:
        """`node`, which stands at a path of the tree, resolved; without what the blocks around it copy there."""
        if not isinstance(node.value, dict):
            return node
        if path not in self.done:
            if path in self.open:
                circle = " -> ".join(".".join(map(str, step)) for step in [*self.open[self.open.index(path) :], path])
                raise UserError(f"{node.place}: `like` goes in a circle: {circle}.")
            self.open.append(path)
            self.done[path] = self._resolved(path, node)
            self.open.pop()
        return self.done[path]

    def _resolved(self, path: tuple, node: Node) -> Node:
        own = {key: self.final((*path, key), child) for key, child in node.value.items() if key != "like"}
        like = node.value.get("like")
        if like is None or like.value is None:
            return Node(own, node.file, node.line, apart=like is not None)
        base = self._named(like, path[:-1])
        if not own:
            return Node(base.value, base.file, base.line, apart=True)
        if not isinstance(base.value, dict):
            raise UserError(f"{like.place}: like: '{like.value}' is no block, so nothing can stand beside this `like`.")
        return Node(merge(base, Node(own, node.file, node.line)).value, node.file, node.line, apart=True)

    def _named(self, like: Node, beside: tuple) -> Node:
        """The resolved node that a `like` names; what a block on the way to it copies is part of it."""
        words = str(like.value).split(".") if "." in str(like.value) else (*beside, like.value)
        path, node, copied = (), self.root, False
        for index, word in enumerate(words):
            if isinstance(node.value, dict) and "like" in node.value:
                node, copied = self.final(path, node), True
            key = node.key(word)
            if key is None:
                known = ", ".join(map(str, node.value)) if isinstance(node.value, dict) else "nothing"
                raise UserError(
                    f"{like.place}: like: there is no '{'.'.join(map(str, words[: index + 1]))}'; there is {known}."
                )
            path, node = (*path, key), node.value[key]
        return node if copied else self.final(path, node)
