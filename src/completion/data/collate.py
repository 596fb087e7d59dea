"""Several samples as one batch of coordinates, batch index first; makes no sparse tensors (no ops here)."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from completion.data.arrays import IntArray
from completion.data.sample import Sample


@dataclass
class Batch:
    """Coordinates of several items.

    Attributes:
        partial_coords: int32[N, 4] (batch, x, y, z); any row order, no duplicates.
        complete_coords: int32[M, 4], likewise.
        names: of the items.
        samples: what the rows came from; stays on the CPU. None in training, which does not look at them: a
            loader's worker would hand over their points, which takes longer than all the rest.
    """

    partial_coords: torch.Tensor
    complete_coords: torch.Tensor
    names: list[str]
    samples: list[Sample]

    @property
    def batch_size(self) -> int:
        """Number of items, empty ones included."""
        return len(self.names)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Batch":
        """Returns the batch with its coordinates on `device`."""
        return replace(
            self,
            partial_coords=self.partial_coords.to(device, non_blocking=non_blocking),
            complete_coords=self.complete_coords.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> "Batch":
        """Returns the batch in page-locked memory; torch's DataLoader calls this."""
        return replace(
            self,
            partial_coords=self.partial_coords.pin_memory(),
            complete_coords=self.complete_coords.pin_memory(),
        )


def collate(samples: list[Sample]) -> Batch:
    """Returns the batch of `samples`; item b of the list has batch index b."""
    return Batch(
        batched_coords([sample.partial_coords for sample in samples]),
        batched_coords([sample.complete_coords for sample in samples]),
        [sample.name for sample in samples],
        list(samples),
    )


def collate_coords(samples: list[Sample]) -> Batch:
    """The same without the samples, for training."""
    return replace(collate(samples), samples=[])


def batched_coords(coords: list[IntArray]) -> torch.Tensor:
    """Returns int32[ΣN, 4]: the lists int[N, 3] one after another, each row preceded by its list's index."""
    counts = [len(item) for item in coords]
    table = np.empty((sum(counts), 4), dtype=np.int32)
    table[:, 0] = np.repeat(np.arange(len(coords)), counts)
    if coords:
        table[:, 1:] = np.concatenate([np.asarray(item).reshape(-1, 3) for item in coords])
    return torch.from_numpy(table)
