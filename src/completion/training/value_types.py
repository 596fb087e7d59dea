"""Whether a config value fits a type annotation, and the annotation in a user's words."""

import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PLAIN = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    type(None): "null",
    Path: "a path",
}
LISTS = (Sequence, list, tuple)


def value_fits(value: Any, annotation: Any) -> bool:
    """Whether `annotation` takes `value`; true where it says too little.

    Args:
        value: from a config: plain, a list, None, or an object made from a node.
        annotation: plain types, lists of them, unions; of other classes only None is known not to be one.
    """
    if annotation in PLAIN:
        return _is_plain(value, annotation)
    if _is_union(annotation):
        return any(value_fits(value, member) for member in typing.get_args(annotation))
    if typing.get_origin(annotation) in LISTS:
        members = _members(annotation)
        return isinstance(value, list | tuple) and all(
            any(value_fits(entry, member) for member in members) for entry in value
        )
    return value is not None or annotation in (Any, object) or not isinstance(annotation, type)


def in_words(annotation: Any) -> str:
    """What `annotation` takes, for a message."""
    if annotation in PLAIN:
        return PLAIN[annotation]
    if _is_union(annotation):
        return " or ".join(in_words(member) for member in typing.get_args(annotation))
    if typing.get_origin(annotation) in LISTS:
        return "a list, each entry " + " or ".join(dict.fromkeys(map(in_words, _members(annotation))))
    return f"a {getattr(annotation, '__name__', annotation)}"


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def _members(annotation: Any) -> list[Any]:
    return [member for member in typing.get_args(annotation) if member is not ...]


def _is_plain(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    accepted = {float: (int, float), Path: (str, Path)}
    return isinstance(value, accepted.get(kind, kind))
