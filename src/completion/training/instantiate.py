"""Objects from config nodes: `_target_` names a class or function, the other keys are its arguments, exactly.

Runs only code below the allowed packages, so that a config file from elsewhere cannot call anything it likes.
"""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from completion.training.value_types import in_words, value_fits

TARGET = "_target_"
ALLOWED = ("completion.", "torch.", "lightning.")


def instantiate(node: Any, name: str = "config") -> Any:
    """What a config node describes: nodes with `_target_` become objects, innermost first; the rest stays.

    Args:
        node: mapping, list or plain value, already resolved.
        name: of the node, for messages.

    Raises:
        ValueError: a target outside the allowed packages, one that does not exist, or an unknown argument.
    """
    if isinstance(node, list | tuple):
        return [instantiate(value, f"{name}[{index}]") for index, value in enumerate(node)]
    if not isinstance(node, Mapping):
        return node
    arguments = {key: instantiate(value, f"{name}.{key}") for key, value in node.items() if key != TARGET}
    if TARGET not in node:
        return arguments
    target = find_target(str(node[TARGET]), name)
    check_arguments(target, arguments, name)
    check_values(target, arguments, name)
    return target(**arguments)


def find_target(path: str, name: str) -> Any:
    """The class or function at a dotted path below the allowed packages."""
    module_path, _, attribute = path.rpartition(".")
    if not path.startswith(ALLOWED):
        raise ValueError(
            f"instantiate: {name}.{TARGET} must begin with one of {', '.join(ALLOWED)}, got '{path}'; "
            "only code of these packages is run from a config"
        )
    try:
        return getattr(importlib.import_module(module_path), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(f"instantiate: {name}.{TARGET} must exist, got '{path}' ({error})") from error


def check_arguments(target: Any, arguments: Mapping[str, Any], name: str) -> None:
    """Refuses keys that `target` does not take and names those it needs.

    Raises:
        ValueError: naming the key and the arguments that exist.
    """
    parameters = inspect.signature(target).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [parameter.name for parameter in parameters]
    needed = [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    for key in arguments:
        if key not in known:
            raise ValueError(
                f"instantiate: {name} must have keys that {target.__name__} takes, got '{key}'; "
                f"choose among {', '.join(known)}"
            )
    missing = [key for key in needed if key not in arguments]
    if missing:
        raise ValueError(f"instantiate: {name} must give {', '.join(missing)}, which {target.__name__} needs")


def check_values(target: Any, arguments: Mapping[str, Any], name: str) -> None:
    """Refuses values of another type than `target` says it takes, as far as its annotations tell.

    Raises:
        ValueError: naming the key, what it takes and what was given.
    """
    for key, parameter in inspect.signature(target).parameters.items():
        if key in arguments and not value_fits(arguments[key], parameter.annotation):
            raise ValueError(
                f"instantiate: {name}.{key} must be {in_words(parameter.annotation)}, got {arguments[key]!r}"
            )
