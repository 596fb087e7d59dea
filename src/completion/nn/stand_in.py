"""Whether the engine may do what a module of torch's would, from its parameters, without calling it."""

from torch import nn


def is_as_made(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether nobody has put another module in its place, changed its class or hooked into it."""
    return type(module) is kind and "forward" not in vars(module) and not has_hooks(module)


def has_hooks(module: nn.Module) -> bool:
    """Whether somebody watches or changes what the module is given or gives."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )
