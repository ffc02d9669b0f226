"""Hash of a job's code: the syntax trees of its modules and of all modules of this package that they import,
and the style sheets beside these modules.

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
# Fields without meaning for the program: "u" prefixes, type comments.
UNSEEN_FIELDS = ("kind", "type_comment", "type_ignores")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code(*modules: str) -> str:
    """Hash over the import closure of dotted module names such as `pipeline.training.loop`; UserError for an unknown module."""
    return digest(_cached_closure(modules))


def closure(modules: Iterable[str], package: Path = PACKAGE) -> dict[str, str]:
    """Module -> hash of its syntax tree, for the modules, all they import from the package, and parent packages.

    Files are read anew at every call. Raises UserError for a module that does not exist or cannot be parsed.
    """
    hashes: dict[str, str] = {}
    queue = [(name, "the list of a job's modules") for name in modules]
    while queue:
        name, named_by = queue.pop()
        if name in hashes:
            continue
        path = _file(name, package)
        if path is None:
            expected = package.parent / name.replace(".", "/")
            raise UserError(
                f"{expected}.py: no such module, but {named_by} names {name}. Write it or correct the name."
            )
        hashes[name], imports = _read(path.read_bytes(), name, path)
        if (style := path.with_suffix(".css")).is_file():
            hashes[name] = hashlib.sha256(f"{hashes[name]}{style.read_text(encoding='utf-8')}".encode()).hexdigest()
        parents = [name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)]
        queue += [(other, name) for other in (*parents, *imports) if _file(other, package)]
    return hashes


def digest(hashes: dict[str, str]) -> str:
    """One hash for a closure."""
    text = "".join(f"{name}:{hashes[name]};" for name in sorted(hashes))
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache
def _cached_closure(modules: tuple[str, ...]) -> dict[str, str]:
    # Cached, so that all jobs of one plan are based on the same state of the code.
    return closure(modules)


def _file(name: str, package: Path) -> Path | None:
    """Source file of a module of the package; None for a folder without `__init__.py` and for other packages."""
    first, *rest = name.split(".")
    if first != package.name:
        return None
    path = package.joinpath(*rest)
    candidates = [path / "__init__.py"] + ([path.with_name(f"{path.name}.py")] if rest else [])
    return next((candidate for candidate in candidates if candidate.is_file()), None)


@cache
def _read(source: bytes, name: str, path: Path) -> tuple[str, tuple[str, ...]]:
    """Hash of one module's tree, and the dotted names that it might import."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{path}: not valid Python ({error}). Correct it, then run snakemake again.") from error
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
    """Text of a tree, equal for all Python versions: empty fields are left out, as only some versions have them."""
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
