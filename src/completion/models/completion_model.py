"""What the application needs of a completion network, whichever it is; owns its prune thresholds."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from completion.models.checks import check_per_level
from completion.nn.prune import Level, Policy, Prune, check_within
from completion.sparse import CoordMap, SparseTensor


@dataclass
class Completion:
    """A completed batch.

    Attributes:
        coord_map: the M kept voxels, stride 1.
        logits: float[M], of the kept voxels.
        levels: every prune, coarse to fine.
    """

    coord_map: CoordMap
    logits: Tensor
    levels: list[Level]


class CompletionModel(nn.Module, ABC):
    """Partial scan in, occupied voxels out, over prune layers whose strides halve from `stride` to 1.

    Attributes:
        resolution: R; input and result lie in [0, R)³.
        stride: of the coarsest prune.
        policy: what is kept in training.
    """

    resolution: int
    stride: int
    policy: Policy

    @abstractmethod
    def forward(
        self, partial: SparseTensor, truth: CoordMap | None = None, policy: Policy | None = None
    ) -> Completion:
        """Completes a batch.

        Args:
            partial: float[N, in_channels], stride 1, inside the grid.
            truth: voxels of the whole shapes, stride 1; gives each level its target.
            policy: overrides what is kept where there is truth. By default the network's policy in training
                mode, and only what is predicted in evaluation mode (free-running), with or without truth.
        """

    def make_targets(self, truth: CoordMap | None) -> None:
        """Makes the truth at the stride of each prune layer, which asks for it later.

        Coordinates first: with the size of a new set the host waits for all that a GPU has queued before it.
        """
        if truth is not None:
            truth.pyramid(len(self.strides) - 1)

    @property
    def strides(self) -> list[int]:
        """Of the prune layers, fine to coarse: 1, 2, 4 … `stride`."""
        return [2**level for level in range(self.stride.bit_length())]

    @property
    @abstractmethod
    def prunes(self) -> list[Prune]:
        """The prune layers, coarse to fine."""

    @property
    def thresholds(self) -> list[float]:
        """Probability per level, coarse to fine."""
        return [float(prune.threshold) for prune in self.prunes]

    def set_thresholds(self, thresholds: Sequence[float]) -> None:
        """Sets the probability per level, coarse to fine; saved with the weights.

        Raises:
            ValueError: not one for each level, or none inside 0…1; then nothing is set.
        """
        prunes, thresholds = self.prunes, [_as_number(one) for one in thresholds]
        check_per_level("set_thresholds", "thresholds", thresholds, len(prunes))
        for threshold in thresholds:
            check_within("set_thresholds", "thresholds", threshold)
        for prune, threshold in zip(prunes, thresholds, strict=True):
            prune.threshold.copy_(torch.tensor(float(threshold)))


def _as_number(value: Any) -> Any:
    """A number of numpy or torch as Python's; anything else as it is."""
    return value.item() if hasattr(value, "item") else value
