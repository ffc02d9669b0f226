"""Which files the settings of a figure name, and in which role; one reading for the plan and for the job itself."""

ROLES = ("lr", "hr", "samples", "kernel")


def named(settings: dict) -> dict[str, list[str]]:
    """Role → paths, each once, of every entry `lr`, `hr`, `samples` or `kernel` at any depth that is not None."""
    found: dict[str, dict[str, None]] = {}

    def walk(value) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in ROLES and isinstance(inner, str):
                    found.setdefault(key, {})[inner] = None
                walk(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                walk(inner)

    walk(settings)
    return {role: list(paths) for role, paths in found.items()}
