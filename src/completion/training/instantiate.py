"""Objects from config nodes: `_target_` names a class, the other keys are its arguments, exactly.

Makes only parts of a training, so that a config file from elsewhere cannot call anything it likes: classes of
this package, and what derives from certain classes of torch and Lightning.
"""

import importlib
import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

from completion.training.value_types import in_words, value_fits

TARGET = "_target_"
ALLOWED = ("completion.", "torch.", "lightning.")
FUNCTIONS = {"completion.training.loggers.wandb_logger": "logger.", "torch.profiler.schedule": "trainer."}
"""That may stand for a class, and where."""


def instantiate(node: Any, name: str = "config") -> Any:
    """What a config node describes: nodes with `_target_` become objects, innermost first; the rest stays.

    Args:
        node: mapping, list or plain value, already resolved.
        name: of the node, for messages.

    Raises:
        ValueError: a target that is no part of a training or does not exist, or an unknown argument.
    """
    if isinstance(node, list | tuple):
        return [instantiate(value, f"{name}[{index}]") for index, value in enumerate(node)]
    if not isinstance(node, Mapping):
        return node
    target = find_target(str(node[TARGET]), name) if TARGET in node else None
    arguments = {key: value for key, value in node.items() if key != TARGET}
    if target is not None:
        check_arguments(target, arguments, name)  # before any of them is made
    arguments = {key: instantiate(value, f"{name}.{key}") for key, value in arguments.items()}
    if target is None:
        return arguments
    check_values(target, arguments, name)
    return target(**arguments)


def find_target(path: str, name: str) -> Any:
    """The class at a dotted path, a part of a training."""
    module_path, _, attribute = path.rpartition(".")
    if not path.startswith(ALLOWED):
        raise ValueError(
            f"instantiate: {name}.{TARGET} must begin with one of {', '.join(ALLOWED)}, got '{path}'; "
            "only code of these packages is run from a config"
        )
    try:
        target = getattr(importlib.import_module(module_path), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(f"instantiate: {name}.{TARGET} must exist, got '{path}' ({error})") from error
    stands_for_a_class = path in FUNCTIONS and name.startswith(FUNCTIONS[path])
    if not is_part(target) and not stands_for_a_class:
        raise ValueError(
            f"instantiate: {name}.{TARGET} must be a class of completion, a torch.nn.Module, or a callback, "
            f"logger, profiler, strategy or plugin of Lightning, got '{path}'; "
            "nothing else is called from a config"
        )
    return target


def is_part(target: Any) -> bool:
    """Whether a config may make such an object: no function, which may do anything, nor a class of others."""
    if not inspect.isclass(target):
        return False
    return target.__module__.startswith("completion.") or issubclass(target, _foreign_parts())


@cache
def _foreign_parts() -> tuple[type, ...]:
    """What parts that are not of this package derive from; imported when one is met."""
    from lightning.fabric.accelerators.accelerator import Accelerator
    from lightning.fabric.loggers.logger import Logger
    from lightning.fabric.plugins import CheckpointIO, ClusterEnvironment, Precision
    from lightning.pytorch import Callback, Trainer
    from lightning.pytorch.callbacks.progress.rich_progress import RichProgressBarTheme
    from lightning.pytorch.plugins.layer_sync import LayerSync
    from lightning.pytorch.profilers import Profiler
    from lightning.pytorch.strategies import Strategy
    from torch.nn import Module

    plugins = (Accelerator, CheckpointIO, ClusterEnvironment, LayerSync, Precision, Strategy)
    return (Module, Trainer, Callback, RichProgressBarTheme, Logger, Profiler, *plugins)


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
