"""Loss of a completion: cross-entropy at each level, heavier where geometry is missing; Dice by choice."""

from collections.abc import Container
from itertools import chain, count

import torch
from torch import Tensor
from torch.nn import functional

from completion.nn.prune import Level, items_of
from completion.sparse import CoordMap
from completion.sparse.segments import segment_sum
from completion.sparse.strides import Size


def completion_loss(
    levels: list[Level], partial: CoordMap, missing_weight: float = 3.0, dice_weight: float = 0.0
) -> tuple[Tensor, dict[str, Tensor]]:
    """Returns the total (scalar) and its parts by name: `loss/stride_<s>`, and `loss/dice` where it is used.

    The second level of one stride is `loss/stride_<s>_2`, and so on.

    total = mean over levels of BCE + dice_weight · Dice(finest level).

    Args:
        levels: coarse to fine, each with a target.
        partial: voxels of the input, stride 1.
        missing_weight: weight of true rows outside the input dilated by one voxel of their level: what is to
            be completed, not what was given.
        dice_weight: weight of 1 − Dice at the finest level; 0 leaves it out.

    Raises:
        ValueError: if a level has no target.
    """
    parts: dict[str, Tensor] = {}
    for level in levels:
        parts[_new_name(f"loss/stride_{level.stride}", parts)] = level_loss(level, partial, missing_weight)
    total = torch.stack(list(parts.values())).mean()
    if dice_weight:
        finest = levels[-1]
        parts["loss/dice"] = dice_loss(finest.logits, _target(finest), finest.coord_map)
        total = total + dice_weight * parts["loss/dice"]
    return total, parts


def _new_name(name: str, taken: Container[str]) -> str:
    """The name, with a number behind it where it is taken."""
    numbered = (f"{name}_{number}" for number in count(2))
    return next(one for one in chain([name], numbered) if one not in taken)


def level_loss(level: Level, partial: CoordMap, missing_weight: float) -> Tensor:
    """Scalar: weighted mean of the binary cross-entropy over the candidate rows; 0 without rows."""
    logits, target = _at_least_float32(level.logits), _target(level)
    truth = target.to(logits.dtype)
    if missing_weight == 1:
        loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="sum")
        return loss / max(logits.numel(), 1)
    missing = target & ~near_partial(level.coord_map, partial)
    weight = torch.ones_like(logits).masked_fill_(missing, missing_weight)
    loss = functional.binary_cross_entropy_with_logits(logits, truth, weight, reduction="sum")
    return loss / weight.sum().clamp(min=1)


def near_partial(coord_map: CoordMap, partial: CoordMap) -> Tensor:
    """bool[N]: which rows lie in the input, taken to their stride and dilated by one voxel of it (3×3×3)."""
    return dilated(partial, coord_map.stride).contains(coord_map)


def dilated(partial: CoordMap, stride: Size) -> CoordMap:
    """The input at a stride, dilated by one voxel of it; made once."""
    return partial.at_stride(stride).generated(kernel_size=3, stride=1)


def dice_loss(logits: Tensor, target: Tensor, coord_map: CoordMap) -> Tensor:
    """Scalar: 1 − (2 Σ p t + 1) / (Σ p + Σ t + 1) of each item, mean over items; p is the probability.

    Args:
        logits: float[N].
        target: bool[N].
        coord_map: the N rows; tells the item of each.
    """
    probability = torch.sigmoid(_at_least_float32(logits))
    truth = target.to(probability.dtype)
    terms = torch.stack([probability * truth, probability + truth], dim=1)
    sums = segment_sum(terms, items_of(coord_map), coord_map.batch_size, ascending=True)
    shared, total = sums.unbind(dim=1)
    return (1 - (2 * shared + 1) / (total + 1)).sum() / max(coord_map.batch_size, 1)


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _target(level: Level) -> Tensor:
    if level.target is None:
        raise ValueError(
            f"completion_loss: levels must have targets, got none at stride {level.stride}; "
            "call the model with truth"
        )
    return level.target
