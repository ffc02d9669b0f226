"""Files that the settings of a figure name, by role; read by the plan and by the job."""

ROLES = ("lr", "hr", "samples", "kernel")


def named(settings: dict) -> dict[str, list[str]]:
    """Role → paths, each once: all values of keys `lr`, `hr`, `samples`, `kernel` at any depth, except None."""
    paths_of: dict[str, dict[str, None]] = {}

    def walk(value) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in ROLES and isinstance(inner, str):
                    paths_of.setdefault(key, {})[inner] = None
                walk(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                walk(inner)

    walk(settings)
    return {role: list(paths) for role, paths in paths_of.items()}
