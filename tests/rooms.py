"""The rooms of pipeline/ in their order, and what breaks it: used by tests, on the real tree and on toy trees."""

import ast
from pathlib import Path

# Floor by floor: a module may import its own room and the rooms of floors above its own, nothing else.
FLOORS = [
    ["errors"],
    ["files", "exclusive", "settings", "reproducibility"],
    ["provenance", "sampling", "printing", "models"],
    ["images", "claims", "weights"],
    ["datasets", "features", "losses"],
    ["figures", "evaluation", "methods"],
    ["plan"],
    ["fetch", "tables", "training"],
    ["adopt", "reports", "cost", "tracking"],
    ["jobs"],
    ["workflow", "audit"],
    ["upscale", "publish"],
    ["pull", "__main__"],
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def module_name(path: Path, root: Path) -> str:
    """Dotted name of a file; a folder's `__init__.py` is the folder."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, root: Path) -> set[str]:
    """Dotted names of our modules that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = root / node.module.replace(".", "/") / alias.name
                is_module = inner.with_suffix(".py").is_file() or (inner / "__init__.py").is_file()
                found.add(f"{node.module}.{alias.name}" if is_module else node.module)
    return {name for name in found if name.split(".")[0] == "pipeline"}


def graph(root: Path) -> dict[str, set[str]]:
    """Module -> modules that it imports, for every file of root/pipeline."""
    files = sorted((root / "pipeline").rglob("*.py"))
    return {module_name(path, root): imports(path, root) for path in files}


def room_of(module: str) -> str:
    """The folder, or the name of a module that lies in no folder; "" for the package itself."""
    return [*module.split("."), ""][1]


def strangers(modules: dict[str, set[str]]) -> list[str]:
    """Modules that lie in no named room."""
    return [module for module in modules if room_of(module) and room_of(module) not in FLOOR_OF]


def arrows_back(modules: dict[str, set[str]]) -> list[str]:
    """Imports that do not go to the own room or to a floor above."""
    return [
        f"{module} imports {other}"
        for module, others in modules.items()
        for other in sorted(others)
        if room_of(other) and room_of(other) != room_of(module) and room_of(module) in FLOOR_OF
        if FLOOR_OF.get(room_of(other), len(FLOORS)) >= FLOOR_OF[room_of(module)]
    ]


def circle(modules: dict[str, set[str]]) -> list[str]:
    """A chain of imports that comes back to its beginning; empty when there is none."""
    done: set[str] = set()

    def walk(module: str, chain: list[str]) -> list[str]:
        if module in chain:
            return [*chain[chain.index(module) :], module]
        if module in done:
            return []
        for other in sorted(modules.get(module, ())):
            if found := walk(other, [*chain, module]):
                return found
        done.add(module)
        return []

    return next((found for module in modules if (found := walk(module, []))), [])
