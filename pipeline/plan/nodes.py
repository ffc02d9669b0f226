"""Settings whose every value knows the file and line where it was written, so that a message can name them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


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
