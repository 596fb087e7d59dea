"""Operators with a gradient: registered with torch.library, but called by autograd.Function in eager mode.

What torch.library adds to each call costs the host more than the operator itself; on a GPU small layers then
wait for it. Compiled code goes by the registration, transforms of torch.func by a Function of their own form.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._C import _are_functorch_transforms_active as is_transformed  # as autograd.Function asks itself
from torch._C import _AutoDispatchBelowAutograd as below_autograd  # as torch.library leaves its own part

from completion.ops.checks import refuse_forward_mode


def differentiable(
    name: str,
    backward: Callable[..., tuple],
    setup_context: Callable[[Any, tuple, Any], None],
    num_leading: int,
    late: int | None = None,
) -> Callable[..., Any]:
    """Registers the gradient of `completion::name` and returns the function that calls the operator.

    A backward pass calls operators by such functions too, then it has gradients of its own.

    Args:
        name: of the operator.
        backward: as torch.library.register_autograd wants it.
        setup_context: likewise.
        num_leading: no input after so many has a gradient.
        late: place of an input that may be a function: it is for the backward pass alone, and called when the
            operator is queued.
    """
    operator = getattr(torch.ops.completion, name).default
    torch.library.register_autograd(f"completion::{name}", backward, setup_context=setup_context)

    def with_late(inputs: tuple, value: Any) -> tuple:
        assert late is not None
        return *inputs[:late], value, *inputs[late + 1 :]

    # The inputs without a gradient are handed on as one: autograd.Function looks at each of its arguments.
    def forward(ctx: Any, *given: Any) -> Any:
        inputs = (*given[:-1], *given[-1])
        make = inputs[late] if late is not None else None
        if callable(make):
            inputs = with_late(inputs, None)
        with below_autograd():
            output = operator(*inputs)
        if callable(make) and any(ctx.needs_input_grad[:num_leading]):
            inputs = with_late(inputs, make())
        setup_context(ctx, inputs, output)
        return output

    def backward_of_leading(ctx: Any, *grads: Tensor) -> tuple:
        return *backward(ctx, *grads)[:num_leading], None

    members = {"forward": staticmethod(forward), "backward": staticmethod(backward_of_leading)}
    function = type(name, (torch.autograd.Function,), members)
    transformed = _for_transforms(name, operator, backward, setup_context)

    def call(*inputs: Any) -> Any:
        refuse_forward_mode(name)  # a backward pass comes by no other check
        if torch.compiler.is_compiling():
            return operator(*inputs)
        if is_transformed():
            return transformed.apply(*inputs)
        if torch.is_grad_enabled():
            return function.apply(*inputs[:num_leading], inputs[num_leading:])
        with below_autograd():
            return operator(*inputs)

    return call


def pulled_back(
    function: Callable[..., tuple[Tensor, ...]], inputs: tuple, grads: tuple[Tensor | None, ...]
) -> tuple:
    """Gradients by torch's own operators, for second derivatives: these are rare, and need no kernel.

    Args:
        function: the operator's results, step by step.
        inputs: of the function.
        grads: of its results; None where a result was not used.
    """
    outputs, pull = torch.func.vjp(function, *inputs)[:2]
    pairs = zip(grads, outputs, strict=True)
    return pull(tuple(torch.zeros_like(output) if grad is None else grad for grad, output in pairs))


def _for_transforms(
    name: str,
    operator: Callable[..., Any],
    backward: Callable[..., tuple],
    setup_context: Callable[[Any, tuple, Any], None],
) -> type[torch.autograd.Function]:
    """The Function that torch.func wants: its context is set up apart, which costs every call more."""

    def forward(*inputs: Any) -> Any:
        with below_autograd():
            return operator(*inputs)

    members = {
        "forward": staticmethod(forward),
        "setup_context": staticmethod(setup_context),
        "backward": staticmethod(backward),
        "generate_vmap_rule": True,
    }
    return type(name, (torch.autograd.Function,), members)
