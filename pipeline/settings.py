"""Settings of a job: turn a dict of its key into frozen dataclasses, checking every field."""

import dataclasses
import types
import typing

from pipeline.errors import UserError

T = typing.TypeVar("T")


def build(cls: type[T], values: dict, place: str = "settings") -> T:
    """Build the frozen dataclass `cls` from a dict with exactly its fields, each of the right type (int for float is allowed).

    Fields may be dataclasses, tuple[X, ...], X | None, Literal, dict. UserError names the wrong key, as `place.key`.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in fields:
            raise UserError(f"{place}.{key}: unknown setting; {cls.__name__} has {', '.join(fields)}.")
    for name in fields:
        if name not in values:
            raise UserError(f"{place}.{name}: missing; {cls.__name__} needs this setting.")
    return cls(**{name: _convert(hints[name], values[name], f"{place}.{name}") for name in fields})


def _convert(hint, value, place: str):
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        if isinstance(value, dict):
            return build(hint, value, place)
    elif origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        return _convert(next(part for part in arguments if part is not type(None)), value, place)
    elif origin is typing.Literal:
        if value in arguments:
            return value
    elif origin is tuple:
        if isinstance(value, list | tuple):
            return tuple(_convert(arguments[0], item, f"{place}[{index}]") for index, item in enumerate(value))
    elif hint is float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    elif (hint is bool or not isinstance(value, bool)) and isinstance(value, origin or hint):
        return value
    expected = getattr(hint, "__name__", str(hint)) if origin is None else str(hint)
    raise UserError(f"{place}: {value!r}, expected {expected}.")
