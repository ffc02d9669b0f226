"""docs/settings.md, made of the schema: python -m pipeline.plan.settings_page > docs/settings.md"""

from collections.abc import Iterator

from pipeline.plan.params import SCHEMA

HEAD = """# Every setting

Made of `rules/schemas/params.schema.yaml` by `python -m pipeline.plan.settings_page > docs/settings.md`; do not edit it here.
Which file holds what, and what `like` and `variants` mean, stands at the top of `params.yaml`. `<name>` is a name of your choice.
"""
WORDS = {"integer": "whole number", "string": "text", "boolean": "true or false", "object": "block", "array": "list"}


def page() -> str:
    """The page as Markdown."""
    import yaml

    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    parts = [HEAD]
    for name, block in schema["properties"].items():
        whole = _whole(block, schema)
        parts += [f"\n## {name}\n\n{whole['description']}\n"]
        rows = [
            f"| `{path}` | {_kind(row, schema)} | {row['description']} |" for path, row in _rows(name, whole, schema)
        ]
        parts += (
            ["\n| setting | what it may be | meaning |\n|---|---|---|\n", *(f"{row}\n" for row in rows)] if rows else []
        )
    return "".join(parts)


def _rows(path: str, block: dict, schema: dict) -> Iterator[tuple[str, dict]]:
    """(dotted name, its part of the schema) of everything below a block."""
    for name, child in block.get("properties", {}).items():
        child = _whole(child, schema)
        yield f"{path}.{name}", child
        yield from _rows(f"{path}.{name}", child, schema)
    for mark, key in (("<name>", "additionalProperties"), ("[…]", "items")):
        if isinstance(block.get(key), dict):
            yield from _rows(
                f"{path}.{mark}" if key != "items" else f"{path}{mark}", _whole(block[key], schema), schema
            )


def _whole(block: dict, schema: dict) -> dict:
    """A part of the schema with what its `$ref` names; its own words win."""
    return schema["$defs"][block["$ref"].rpartition("/")[2]] | block if "$ref" in block else block


def _kind(block: dict, schema: dict) -> str:
    """What a value may be, in a few words."""
    if "enum" in block:
        return ", ".join("null" if value is None else f"`{value}`" for value in block["enum"])
    if "type" not in block:
        return " or ".join(
            _kind(_whole(each, schema), schema) for key in ("anyOf", "oneOf") for each in block.get(key, [])
        )
    return " or ".join(
        WORDS.get(kind, kind) for kind in ([block["type"]] if isinstance(block["type"], str) else block["type"])
    )


if __name__ == "__main__":
    print(page(), end="")
