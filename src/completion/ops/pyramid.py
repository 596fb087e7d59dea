"""pyramid: a set at two, four, … times its stride at once."""

import torch
from torch import Tensor

from completion.ops.checks import check_count, check_keys, check_values

MAX_STRIDE = 2**15  # of the coarsest level


def pyramid(keys: Tensor, stride: int, num_levels: int) -> list[tuple[Tensor, Tensor]]:
    """The sets `unique(floor(x / t) * t)` for `t = 2 stride, 4 stride, …`: strided_set again and again.

    Args:
        keys: [N] int64 canonical, coordinates multiples of stride.
        stride: a power of two, the same on all axes.
        num_levels: L ≥ 1 with `stride · 2^L ≤ 32768`.

    Returns:
        For each level, finest first: its keys [M] int64 canonical, and the parent row in it, int32, of every
        row one level finer (of `keys` for the first).

    Raises:
        TypeError, ValueError: wrong dtype or shape, stride or number of levels.

    Syncs: once on CUDA, to read the sizes of all levels. Deterministic.
    """
    check_keys("pyramid", "keys", keys)
    check_values("pyramid", "keys", keys)
    check_count("pyramid", "stride", stride, least=1)
    if stride & (stride - 1) or stride >= MAX_STRIDE:
        raise ValueError(
            f"pyramid: stride must be a power of two below {MAX_STRIDE}, got {stride}; use strided_set"
        )
    check_count("pyramid", "num_levels", num_levels, least=1)
    if stride << num_levels > MAX_STRIDE:
        raise ValueError(
            f"pyramid: num_levels must keep the coarsest stride at {MAX_STRIDE} or below, got {num_levels} "
            f"levels above stride {stride}; ask for fewer"
        )
    return list(zip(*torch.ops.completion.pyramid(keys, stride, num_levels), strict=True))


@torch.library.register_fake("completion::pyramid")
def _fake(keys: Tensor, stride: int, num_levels: int) -> tuple[list[Tensor], list[Tensor]]:
    sizes = [keys.shape[0], *(torch.library.get_ctx().new_dynamic_size() for _ in range(num_levels))]
    return (
        [keys.new_empty(size) for size in sizes[1:]],
        [keys.new_empty(size, dtype=torch.int32) for size in sizes[:-1]],
    )
