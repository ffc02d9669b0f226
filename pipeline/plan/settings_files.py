"""The files that hold settings: params.yaml, params/domains.yaml, params/<paper>.yaml, and site.yaml of one's own machine.

A union, not an overlay: what two of them define is an error. Only site.yaml (`adopt` and `tracking`) wins over params.yaml,
and `--config` and `--configfile` of Snakemake win over everything.
"""

from collections.abc import Callable, Hashable, Mapping
from pathlib import Path

from pipeline.errors import UserError
from pipeline.plan.inherit import Node, merge, plain, resolve, tree

# Collections of named blocks: their blocks may stand in different files. Everything else stands in one file as a whole.
COLLECTIONS = ("datasets", "editions", "methods", "metrics", "tables", "figures", "reports")
SITE = ("adopt", "tracking")
COMMAND_LINE = "--config or --configfile"

# Bytes of a file, None if it does not exist.
Reader = Callable[[Path], bytes | None]


def from_disk(path: Path) -> bytes | None:
    """Content of a file as it is now."""
    return path.read_bytes() if path.is_file() else None


def read(path: str | Path, over: Mapping | None = None, reader: Reader = from_disk) -> Node:
    """All settings, resolved, with places. `path`: params.yaml; the other files lie beside it. `over`: the command line's.

    UserError names file and line of what is no YAML, stands twice, or cannot be followed.
    """
    path = Path(path)
    main = document(path, reader)
    if main is None:
        raise UserError(f"{path}: no such file. Run from the top folder of the repository.")
    named = plain(main.nearest(["papers"]))
    papers = [name for name in named if str(name).isidentifier()] if isinstance(named, list) else []
    others = (document(path.parent / "params" / f"{name}.yaml", reader) for name in dict.fromkeys(["domains", *papers]))
    settings = resolve(_union([main, *(other for other in others if other)]))
    site = document(path.parent / "site.yaml", reader)
    settings = merge(settings, _checked(site, settings)) if site else settings
    return resolve(merge(settings, tree(over, COMMAND_LINE))) if over else settings


def paths(path: str | Path) -> list[str]:
    """params.yaml and all files of settings beside it, but site.yaml, which no result depends on."""
    return [str(path), *map(str, sorted(Path(path).with_name("params").glob("*.yaml")))]


def document(path: Path, reader: Reader = from_disk) -> Node | None:
    """One file as it is written; None if it does not exist or is empty. UserError for a key that stands twice in a block."""
    import yaml

    content = reader(path)
    if content is None:
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(content)
    try:
        found = loader.get_single_node()
        node = _node(loader, found, str(path), found.start_mark.line + 1, {}) if found else None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {error}") from error
    finally:
        loader.dispose()
    if node and not isinstance(node.value, dict):
        raise UserError(f"{node.place}: expected blocks, `name: ...`, but found {str(plain(node))[:60]!r}.")
    return node


def _node(loader, node, file: str, line: int, seen: dict[int, Node | None]) -> Node:
    """A YAML node and all below it; `line` is that of its key. An anchor's node is read once, which is needed for `<<`."""
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return Node(loader.construct_object(node), file, line)
    if id(node) in seen and seen[id(node)] is None:
        raise UserError(f"{file}, line {line}: an anchor that holds itself.")
    if id(node) not in seen:
        seen[id(node)] = None
        if isinstance(node, yaml.SequenceNode):
            items = [_node(loader, item, file, item.start_mark.line + 1, seen) for item in node.value]
            seen[id(node)] = Node(items, file, line)
        else:
            seen[id(node)] = Node(_mapping(loader, node, file, seen), file, line)
    return seen[id(node)]


def _mapping(loader, node, file: str, seen: dict) -> dict[Hashable, Node]:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key.value, str):
            raise UserError(
                f"{file}, line {line}: a name cannot be a block or a list; write text with braces in quotes."
            )
        if key.value in lines:
            first = lines[key.value]
            raise UserError(f"{file}, lines {first} and {line}: '{key.value}' stands twice in a block. Remove one.")
        lines[key.value] = line
    loader.flatten_mapping(node)
    return {
        loader.construct_object(key): _node(loader, value, file, key.start_mark.line + 1, seen)
        for key, value in node.value
    }


def _union(documents: list[Node]) -> Node:
    """All files as one; UserError names both places of what two of them define."""
    whole: dict[Hashable, Node] = {}
    for document in documents:
        for name, block in document.value.items():
            known = whole.setdefault(name, block)
            if known is block:
                continue
            if name not in COLLECTIONS or not (isinstance(known.value, dict) and isinstance(block.value, dict)):
                raise UserError(_twice(name, known, block))
            for key in known.value.keys() & block.value.keys():
                raise UserError(_twice(f"{name}.{key}", known.value[key], block.value[key]))
            whole[name] = Node({**known.value, **block.value}, known.file, known.line)
    return Node(whole, documents[0].file, None)


def _twice(name: object, one: Node, other: Node) -> str:
    return f"{one.place}, and {other.place}: both define '{name}'. Settings are never overlaid: remove one."


def _checked(site: Node, settings: Node) -> Node:
    """site.yaml, if it holds nothing but what belongs to a machine."""
    for name, block in site.value.items():
        if name not in SITE:
            raise UserError(
                f"{block.place}: '{name}' does not belong to one machine; expected {' and '.join(SITE)} alone."
            )
        for key, value in block.value.items() if isinstance(block.value, dict) else ():
            if settings.nearest([name]).key(key) is None:
                known = ", ".join(map(str, plain(settings.nearest([name]))))
                raise UserError(f"{value.place}: {name} has no '{key}'; it has {known}.")
    return site
