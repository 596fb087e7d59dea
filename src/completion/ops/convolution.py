"""convolution and convolution_grad_weight: schema's Python side, autograd, autocast.

The one relation (semantics: `y[u] = Σ_i x[u + off_i] W_i`), with row tables for coordinates:
`y[m] = Σ_k x[table[m, k]] W_k`. Every derivative of any order is one of the two operators again.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from completion.ops.checks import (
    FEATURE_DTYPES,
    check_count,
    check_size,
    check_table,
    check_tensor,
    check_type,
    refuse_forward_mode,
)
from completion.ops.differentiable import differentiable, is_transformed
from completion.ops.kernel_pairs import MOST_OFFSETS, MOST_SLOTS

HALF_DTYPES = (torch.bfloat16, torch.float16)
NO_HELPERS = *(None,) * 5, False, False  # neither orders nor pairs, nor symmetric, nor opposite


def convolution(
    features: Tensor,
    weight: Tensor,
    table: Tensor | None,
    reverse: Tensor | Callable[[], Tensor] | None,
    num_target: int | None = None,
    order: Tensor | None = None,
    reverse_order: Tensor | None = None,
    pairs: Tensor | None = None,
    reverse_pairs: Tensor | None = None,
    slots: Tensor | None = None,
    symmetric: bool = False,
    opposite: bool = False,
) -> Tensor:
    """`y[m] = Σ_k features[table[m, k]] @ weight[k]` over the entries that are not −1.

    The pairs are given as `table`, as `reverse` (reverse_map), or as both. The CPU does with either alone,
    forward and backward; on CUDA the product makes the table where it is not given, and the backward pass the
    reverse. On CUDA without a gradient `pairs` are enough.

    Args:
        features: [N, Cin] float32, float64, bfloat16 or float16. Half types are summed in float32; a CPU with
            bfloat16 products takes subnormal numbers for zero there.
        weight: [K, Cin, Cout] in the dtype of features, or float32 beside half features (its gradient then
            is float32); products may round it to the dtype of features.
        table: [M, K] int32 feature rows or −1.
        reverse: [N, K] int32, the same pairs seen from the features: rows of the result or −1. Beside pairs
            it may be a function that makes it: called when the product is queued, which does not need it.
        num_target: M; needed where there is no table, which says it otherwise.
        order: [M] int32, row_order of the table: makes it faster on CUDA, changes nothing else while the
            weight is finite.
        reverse_order: [N] int32, row_order of the reverse, for the backward pass.
        pairs: [M, S ≤ 32] int32, kernel_pairs of the reverse: on CUDA it serves in place of the table, and
            where it is given the order is its.
        reverse_pairs: [N, S] int32, kernel_pairs of the table, in place of the reverse.
        slots: [K] int32, needed beside pairs: those that the same call of kernel_pairs gave.
        symmetric: the reverse is the table with its offsets in the opposite order, as within one set where
            each offset has its opposite; then the backward pass needs no reverse, and no order of its own.
        opposite: offset k takes `weight[K - 1 - k]`.

    Returns:
        [M, Cout] in the dtype of features. Under autocast, float32 features become the autocast dtype.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device, or no side is given.

    On CUDA a weight that is not finite can also reach rows that do not use it: a tile multiplies the zeros in
    place of neighbours that its other rows have.

    Syncs: never. Differentiable in features and weight, to any order. Deterministic: no float atomics, and on
    the CPU the same bits for every number of threads.
    """
    refuse_forward_mode("convolution")
    check_tensor("convolution", "features", features, FEATURE_DTYPES, "N, Cin")
    features = _autocast(features)
    weight_dtypes = (features.dtype, torch.float32) if features.dtype in HALF_DTYPES else (features.dtype,)
    check_tensor("convolution", "weight", weight, weight_dtypes, "K, Cin, Cout", features)
    check_size("convolution", "weight", "Cin", weight.shape[1], features.shape[1], "features")
    later, reverse = _now_or_later(reverse, features, weight, pairs)
    pairs_alone = table is None and reverse is None and pairs is not None
    if pairs_alone and (later is not None or _pairs_are_enough(features, weight)):
        side, num_offsets = "slots", _check_slots(slots, features)
    else:
        side, num_offsets = _check_pairs("convolution", table, reverse, features)
    check_size("convolution", "weight", "K", weight.shape[0], num_offsets, side)
    if table is not None:
        num_target = table.shape[0]
    elif num_target is None:
        raise ValueError(
            "convolution: table must be a tensor where num_target is None, got None; give one of the two"
        )
    check_count("convolution", "num_target", num_target)
    _check_sides_of_pairs(pairs, reverse_pairs, slots, num_target, num_offsets, features)
    if table is None and pairs is None and reverse is not None and features.is_cuda:
        table = torch.ops.completion.reverse_map(reverse, num_target)
    _check_order("order", order, "M", num_target, "num_target", features)
    _check_order("reverse_order", reverse_order, "N", features.shape[0], "features", features)
    check_type("convolution", "symmetric", symmetric, bool, "say True or False")
    check_type("convolution", "opposite", opposite, bool, "say True or False")
    if symmetric and (table is None or num_target != features.shape[0]):
        raise ValueError(
            f"convolution: symmetric must be False but for a table [{features.shape[0]}, K], got True with "
            f"{'none' if table is None else list(table.shape)}; give the reverse instead"
        )
    return _convolution(
        features,
        weight,
        table,
        later or reverse,
        num_target,
        _allow_tf32(features),
        order,
        reverse_order,
        pairs,
        reverse_pairs,
        slots,
        symmetric,
        opposite,
    )


def convolution_grad_weight(
    features: Tensor, grad: Tensor, table: Tensor | None, reverse: Tensor | None
) -> Tensor:
    """`Σ_m features[table[m, k]]ᵀ grad[m]` for each k: the gradient of the weight of a convolution.

    Args:
        features: [N, Cin] float32, float64, bfloat16 or float16.
        grad: [M, Cout] in the dtype of features.
        table: [M, K] int32 feature rows or −1; it or reverse may be None on the CPU, as in convolution.
        reverse: [N, K] int32, the same pairs seen from the features.

    Returns:
        [K, Cin, Cout] float64 for float64, else float32: half types must not overflow here.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device, or no side is given.

    Syncs: never. Differentiable in features and grad, to any order. Deterministic, as convolution.
    """
    refuse_forward_mode("convolution_grad_weight")
    check_tensor("convolution_grad_weight", "features", features, FEATURE_DTYPES, "N, Cin")
    check_tensor("convolution_grad_weight", "grad", grad, (features.dtype,), "M, Cout", features)
    _check_pairs("convolution_grad_weight", table, reverse, features)
    if table is not None:
        check_size("convolution_grad_weight", "grad", "M", grad.shape[0], table.shape[0], "table")
    return _grad_weight(features, grad, table, reverse, _allow_tf32(features))


def _now_or_later(
    reverse: Tensor | Callable[[], Tensor] | None, features: Tensor, weight: Tensor, pairs: Tensor | None
) -> tuple[Callable[[], Tensor] | None, Tensor | None]:
    """What makes the reverse when the product is queued; or the reverse itself, which may be none.

    Only a plain call of a product that does without it can make it later, or not at all.
    """
    if not callable(reverse):
        return None, reverse
    if torch.compiler.is_compiling() or is_transformed() or pairs is None or not features.is_cuda:
        return None, reverse()
    if _pairs_are_enough(features, weight):
        return None, None
    rows, num_offsets = features.shape[0], weight.shape[0]

    def later() -> Tensor:
        made = reverse()
        check_table("convolution", "reverse", made, "N", features)
        check_size("convolution", "reverse", "N", made.shape[0], rows, "features")
        check_size("convolution", "reverse", "K", made.shape[1], num_offsets, "weight")
        return made

    return later, None


def _pairs_are_enough(features: Tensor, weight: Tensor) -> bool:
    """Whether the product runs on CUDA and has no backward pass, which would want a table."""
    wanted = torch.is_grad_enabled() and (features.requires_grad or weight.requires_grad)
    return features.is_cuda and not wanted


def _check_pairs(
    function: str, table: Tensor | None, reverse: Tensor | None, features: Tensor
) -> tuple[str, int]:
    """Checks that the given sides are enough and fit; returns the name of one of them and its offsets K."""
    if table is None and reverse is None:
        raise ValueError(
            f"{function}: table must be a tensor where reverse is None, got None; kernel_map makes one"
        )
    if table is not None:
        check_table(function, "table", table, "M", features)
    if reverse is not None:
        check_table(function, "reverse", reverse, "N", features)
        check_size(function, "reverse", "N", reverse.shape[0], features.shape[0], "features")
        if table is None:
            return "reverse", reverse.shape[1]
        check_size(function, "reverse", "K", reverse.shape[1], table.shape[1], "table")
    assert table is not None
    return "table", table.shape[1]


def _check_sides_of_pairs(
    pairs: Tensor | None,
    reverse_pairs: Tensor | None,
    slots: Tensor | None,
    num_target: int,
    num_offsets: int,
    features: Tensor,
) -> None:
    """Checks pairs of so many rows and the slots of their offsets, where there are any."""
    for name, side, axis, rows, counted in (
        ("pairs", pairs, "M", num_target, "num_target"),
        ("reverse_pairs", reverse_pairs, "N", features.shape[0], "features"),
    ):
        if side is None:
            continue
        check_tensor("convolution", name, side, (torch.int32,), f"{axis}, S", features)
        check_size("convolution", name, axis, side.shape[0], rows, counted)
        if not min(num_offsets, 1) <= side.shape[1] <= MOST_SLOTS:
            raise ValueError(
                f"convolution: {name} must have 1 to {MOST_SLOTS} slots, got {side.shape[1]}; "
                "give the table instead"
            )
        if num_offsets > MOST_OFFSETS:
            raise ValueError(
                f"convolution: {name} must be of at most {MOST_OFFSETS} offsets, "
                f"got a weight of {num_offsets}; give the table instead"
            )
        check_size("convolution", "slots", "K", _check_slots(slots, features), num_offsets, "weight")


def _check_slots(slots: Tensor | None, features: Tensor) -> int:
    """Checks the slots beside pairs; returns their number, the offsets K."""
    check_type("convolution", "slots", slots, Tensor, "give those that kernel_pairs made with the pairs")
    assert slots is not None
    check_tensor("convolution", "slots", slots, (torch.int32,), "K", features)
    return slots.shape[0]


def _check_order(
    name: str, order: Tensor | None, axis: str, rows: int, counted: str, features: Tensor
) -> None:
    """Checks an order of so many rows, where there is one."""
    if order is not None:
        check_tensor("convolution", name, order, (torch.int32,), axis, features)
        check_size("convolution", name, axis, order.shape[0], rows, counted)


def _autocast(features: Tensor) -> Tensor:
    """Features as autocast wants them; the weight stays as it is, so that its gradient keeps float32."""
    device = features.device.type
    if features.dtype == torch.float64 or device == "meta" or not torch.is_autocast_enabled(device):
        return features
    return features.to(torch.get_autocast_dtype(device))


def _allow_tf32(features: Tensor) -> bool:
    """torch's own TF32 switch, which the native code cannot read; meaningless but for float32 on CUDA."""
    return features.is_cuda and features.dtype == torch.float32 and _tf32_is_on()


@torch.compiler.assume_constant_result  # compiled code keeps what it finds when it is compiled
def _tf32_is_on() -> bool:
    """By the newer form of the switch: the older one raises an error where somebody has set this one."""
    return torch.backends.cuda.matmul.fp32_precision == "tf32"


@torch.library.register_fake("completion::convolution")
def _convolution_fake(
    features: Tensor,
    weight: Tensor,
    table: Tensor | None,
    reverse: Tensor | None,
    num_target: int,
    allow_tf32: bool = False,
    order: Tensor | None = None,
    reverse_order: Tensor | None = None,
    pairs: Tensor | None = None,
    reverse_pairs: Tensor | None = None,
    slots: Tensor | None = None,
    symmetric: bool = False,
    opposite: bool = False,
):
    return features.new_empty(num_target, weight.shape[2])


@torch.library.register_fake("completion::convolution_grad_weight")
def _grad_weight_fake(
    features: Tensor, grad: Tensor, table: Tensor | None, reverse: Tensor | None, allow_tf32: bool = False
):
    dtype = torch.float32 if features.dtype in HALF_DTYPES else features.dtype
    pairs = table if table is not None else reverse
    assert pairs is not None
    return features.new_empty(pairs.shape[1], features.shape[1], grad.shape[1], dtype=dtype)


def _setup_convolution(ctx, inputs: tuple, output: Tensor) -> None:
    features, weight, table, reverse, ctx.num_target, ctx.allow_tf32, *helpers = inputs
    *helpers, ctx.symmetric, ctx.opposite = helpers
    ctx.save_for_backward(features, weight, table, reverse, *helpers)


def _convolution_backward(ctx, grad: Tensor) -> tuple:
    features, weight, table, reverse, *helpers = ctx.saved_tensors
    grad = grad.contiguous()  # once for both products
    grad_features = grad_weight = None
    if ctx.needs_input_grad[0]:
        back = _swapped(ctx, table, reverse, helpers, features.shape[0], grad)
        grad_features = _convolution(grad, weight.transpose(1, 2), *back)
    if ctx.needs_input_grad[1]:
        summed = _grad_weight(features, grad, table, reverse, ctx.allow_tf32)
        grad_weight = (summed.flip(0) if ctx.opposite else summed).to(weight.dtype)
    return grad_features, grad_weight, *([None] * 11)


def _swapped(
    ctx, table: Tensor | None, reverse: Tensor | None, helpers: list, rows: int, like: Tensor
) -> tuple:
    """The arguments after the weight of the convolution back: targets and sources change places."""
    order, reverse_order, pairs, reverse_pairs, slots = helpers
    if ctx.symmetric:
        return table, None, rows, ctx.allow_tf32, order, order, *(None,) * 3, True, not ctx.opposite
    side = reverse if reverse_pairs is not None else _other_side(reverse, table, rows, like)
    helpers = [reverse_order, order, reverse_pairs, pairs, slots]
    return side, table, rows, ctx.allow_tf32, *helpers, False, ctx.opposite


def _other_side(side: Tensor | None, other: Tensor | None, rows: int, like: Tensor) -> Tensor | None:
    """A side of the pairs, which CUDA needs as the table of a product; the CPU does with the other alone."""
    if side is None and other is not None and like.is_cuda:
        return torch.ops.completion.reverse_map(other, rows)
    return side


def _setup_grad_weight(ctx, inputs: tuple, output: Tensor) -> None:
    features, grad, table, reverse, ctx.allow_tf32 = inputs
    ctx.save_for_backward(features, grad, table, reverse)


def _grad_weight_backward(ctx, grad: Tensor) -> tuple:
    """With G = grad [K, Cin, Cout]: convolution(g, Gᵀ) over reverse for features, convolution(x, G) for g."""
    features, output_grad, table, reverse = ctx.saved_tensors
    grad_features = grad_output_grad = None
    if ctx.needs_input_grad[0]:
        grad_features = _convolution(
            output_grad,
            grad.transpose(1, 2),
            _other_side(reverse, table, features.shape[0], features),
            table,
            features.shape[0],
            ctx.allow_tf32,
            *NO_HELPERS,
        )
    if ctx.needs_input_grad[1]:
        rows = output_grad.shape[0]
        side = _other_side(table, reverse, rows, features)
        grad_output_grad = _convolution(features, grad, side, reverse, rows, ctx.allow_tf32, *NO_HELPERS)
    return grad_features, grad_output_grad, None, None, None


_convolution = differentiable("convolution", _convolution_backward, _setup_convolution, num_leading=2, late=3)
_grad_weight = differentiable(
    "convolution_grad_weight", _grad_weight_backward, _setup_grad_weight, num_leading=2
)
