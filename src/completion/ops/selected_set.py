"""selected_set: the members of a set that a mask selects."""

import torch
from torch import Tensor

from completion.ops.checks import check_count, check_keys, check_size, check_tensor, check_values


def selected_set(
    keys: Tensor, mask: Tensor, num_selected: int | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Members of a set where a mask is true, in its order, and the rows of the two sets in each other.

    Args:
        keys: [N] int64.
        mask: [N] bool.
        num_selected: M, for a caller who has read it already. The CPU counts by itself; on CUDA a number that
            is not the true one leaves members out or repeats the first.

    Returns:
        keys [M] int64; rows [M] int32, the row in the set of each member selected; inverse [N] int32, the row
        among them of each member of the set, −1 where it is not selected.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device, or num_selected is more than N.

    Syncs: once on CUDA, to read M, where it is not given. Deterministic.
    """
    check_keys("selected_set", "keys", keys)
    check_tensor("selected_set", "mask", mask, (torch.bool,), "N", like=keys)
    check_values("selected_set", "keys", keys)
    check_size("selected_set", "mask", "N", mask.shape[0], keys.shape[0], "keys")
    if num_selected is None:
        return torch.ops.completion.selected_set(keys, mask)
    check_count("selected_set", "num_selected", num_selected)
    if num_selected > keys.shape[0]:
        raise ValueError(
            f"selected_set: num_selected must be at most {keys.shape[0]}, got {num_selected}; "
            "count the true values of the mask, or leave it out"
        )
    return torch.ops.completion.selected_set(keys, mask, num_selected)


@torch.library.register_fake("completion::selected_set")
def _fake(keys: Tensor, mask: Tensor, num_selected: int = -1) -> tuple[Tensor, Tensor, Tensor]:
    known = keys.device.type == "cuda" and num_selected >= 0
    selected = num_selected if known else torch.library.get_ctx().new_dynamic_size()
    inverse = keys.new_empty(keys.shape[0], dtype=torch.int32)
    return keys.new_empty(selected), keys.new_empty(selected, dtype=torch.int32), inverse
