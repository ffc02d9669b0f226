"""Hash of the code that a job rests on: the syntax trees of its modules and of everything of ours that they import,
and the style sheets beside these.

Comments, layout and docstrings do not count, nor does the version of Python that computes the hash. Imports are read,
not executed: a module that is only named in a string (`importlib.import_module`) must be named by the caller, and
`pipeline.provenance.job` refuses a job that used a module its key does not cover.
"""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from pipeline.errors import UserError

PACKAGE = Path(__file__).resolve().parents[1]
# Spelling ("u" prefixes, type comments), not meaning.
UNSEEN_FIELDS = ("kind", "type_comment", "type_ignores")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code(*modules: str) -> str:
    """Hash over the import closure of dotted module names such as `pipeline.training.loop`; unknown module -> UserError."""
    return digest(_remembered(modules))


def closure(modules: Iterable[str], package: Path = PACKAGE) -> dict[str, str]:
    """Module -> hash of its syntax tree, for the modules, all they import from the package, and parent packages.

    Files are read anew at every call. Raises UserError for a module that does not exist or cannot be parsed.
    """
    found: dict[str, str] = {}
    queue = [(name, "the list of a job's modules") for name in modules]
    while queue:
        name, wanted_by = queue.pop()
        if name in found:
            continue
        path = _file(name, package)
        if path is None:
            looked = package.parent / name.replace(".", "/")
            raise UserError(f"{looked}.py: no such module, but {wanted_by} names {name}. Write it or correct the name.")
        found[name], imports = _read(path.read_bytes(), name, path)
        if (style := path.with_suffix(".css")).is_file():
            found[name] = hashlib.sha256(f"{found[name]}{style.read_text(encoding='utf-8')}".encode()).hexdigest()
        parents = [name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)]
        queue += [(other, name) for other in (*parents, *imports) if _file(other, package)]
    return found


def digest(hashes: dict[str, str]) -> str:
    """One hash for a closure."""
    text = "".join(f"{name}:{hashes[name]};" for name in sorted(hashes))
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache
def _remembered(modules: tuple[str, ...]) -> dict[str, str]:
    # One plan sees one state of the code, however many jobs share a closure.
    return closure(modules)


def _file(name: str, package: Path) -> Path | None:
    """The source of a module of the package, None for a folder without `__init__.py` and for foreign names."""
    first, *rest = name.split(".")
    if first != package.name:
        return None
    place = package.joinpath(*rest)
    candidates = [place / "__init__.py"] + ([place.with_name(f"{place.name}.py")] if rest else [])
    return next((path for path in candidates if path.is_file()), None)


@cache
def _read(source: bytes, name: str, path: Path) -> tuple[str, tuple[str, ...]]:
    """Hash of one module's tree, and the dotted names that it might import."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{path}: not valid Python ({error}). Correct it; no job can be planned before.") from error
    imports = tuple(sorted(_imports(tree, name if path.name == "__init__.py" else name.rpartition(".")[0])))
    _drop_docstrings(tree)
    return hashlib.sha256(_canonical(tree).encode()).hexdigest(), imports


def _imports(tree: ast.AST, parent: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                names |= {".".join(parts[: end + 1]) for end in range(len(parts))}
        elif isinstance(node, ast.ImportFrom):
            above = parent.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


def _drop_docstrings(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and node.body and isinstance(node.body[0], ast.Expr):
            value = node.body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                del node.body[0]


def _canonical(node: object) -> str:
    """Text of a tree, equal for all Python versions: fields that are empty are those that only some versions have."""
    if isinstance(node, ast.AST):
        fields = ((name, getattr(node, name, None)) for name in node._fields if name not in UNSEEN_FIELDS)
        shown = (f"{name}={_canonical(value)}" for name, value in fields if value is not None and value != [])
        return f"{type(node).__name__}({','.join(shown)})"
    if isinstance(node, list):
        if any(isinstance(part, ast.FormattedValue) for part in node):
            # Versions differ in whether an f-string has empty pieces of text between its values.
            node = [part for part in node if not (isinstance(part, ast.Constant) and part.value == "")]
        return f"[{','.join(map(_canonical, node))}]"
    # ascii, because what repr leaves unescaped depends on the Unicode tables of the Python version.
    return ascii(node)
