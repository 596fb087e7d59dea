"""How much of the truth each prune leaves in reach."""

import torch
from torch import Tensor

from completion.nn.prune import Level
from completion.sparse import CoordMap


def support_recall(levels: list[Level], truth: CoordMap) -> dict[int, Tensor]:
    """Share of the finest true voxels whose cell is kept, per stride of the levels, as a scalar in [0, 1].

    What a prune loses comes back only where the encoder has cells of its own: below the finest level the
    decoder unites with them. 1 for an empty truth.

    Args:
        levels: coarse to fine.
        truth: occupied voxels of the whole shapes, stride 1.
    """
    return {level.stride: _share_reached(level, truth) for level in levels}


def _share_reached(level: Level, truth: CoordMap) -> Tensor:
    cells = truth.at_stride(level.stride)
    kept = level.coord_map.pruned(level.kept)
    reached = kept.contains(cells)[truth.parent_rows(cells).long()]
    return reached.float().mean() if len(reached) else torch.ones((), device=truth.device)
