"""Dataclasses from plain values, whose types are checked: a file may hold anything."""

from collections.abc import Mapping
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Config = TypeVar("Config")
LARGEST = 2**53  # whole number that a float holds


def typed(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """The dataclass with these values.

    Raises: TypeError names a field that is unknown or has a value of another type; what the dataclass raises.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"expected the values of {kind.__name__} by name, got {values!r}; correct them")
    hints = get_type_hints(kind)
    for name, value in values.items():
        if name in hints and not is_a(value, hints[name]):
            wanted = hints[name].__name__ if isinstance(hints[name], type) else str(hints[name])
            raise TypeError(f"expected {name} to be {wanted}, got {value!r}; correct it")
    return kind(**values)


def is_a(value: Any, hint: Any) -> bool:
    """Whether a value is of a type, of one of ``A | B``, a tuple or a mapping of it. An int passes as a float."""
    if get_origin(hint) is UnionType:
        return any(is_a(value, each) for each in get_args(hint))
    if hint is Any:
        return True
    if get_origin(hint) is Mapping:
        return isinstance(value, Mapping) and all(is_a(each, get_args(hint)[1]) for each in value.values())
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(is_a(each, get_args(hint)[0]) for each in value)
    if hint is float and type(value) is int:
        return abs(value) <= LARGEST
    return type(value) is hint
