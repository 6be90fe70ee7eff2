"""Dataclasses from plain values, whose types are checked: a file may hold anything."""

from collections.abc import Mapping
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Config = TypeVar("Config")


def typed(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """The dataclass with these values.

    Raises: TypeError names a field that is unknown or has a value of another type; what the dataclass raises.
    """
    hints = get_type_hints(kind)
    for name, value in values.items():
        if name in hints and not is_a(value, hints[name]):
            wanted = hints[name].__name__ if isinstance(hints[name], type) else str(hints[name])
            raise TypeError(f"expected {name} to be {wanted}, got {value!r}; correct it")
    return kind(**values)


def is_a(value: Any, hint: Any) -> bool:
    """Whether a value is of a type, of one of ``A | B``, or a tuple ``tuple[A, ...]``. An int passes as a float."""
    if get_origin(hint) is UnionType:
        return any(is_a(value, each) for each in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(is_a(each, get_args(hint)[0]) for each in value)
    return type(value) in (int, float) if hint is float else type(value) is hint
