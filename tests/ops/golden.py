"""Reading of the golden vectors of sparse convolution semantics; knows their layout, not what is tested."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from completion.sparse import SparseTensor


class Golden:
    """One case: arrays as tensors of a dtype and device, and its metadata."""

    def __init__(self, path: Path, dtype: torch.dtype, device: torch.device) -> None:
        with np.load(path, allow_pickle=False) as archive:
            self.arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
        self.meta = json.loads(str(self.arrays.pop("meta")))
        self.dtype, self.device = dtype, device

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def coords(self, name: str) -> Tensor:
        """int32 [N, 4]."""
        return torch.from_numpy(self.arrays[name]).to(self.device)

    def values(self, name: str) -> Tensor:
        """Floating point, in the case's dtype."""
        return torch.from_numpy(self.arrays[name]).to(self.device, self.dtype)

    def leaf(self, name: str) -> Tensor:
        """As `values`, as a leaf that collects a gradient."""
        return self.values(name).requires_grad_()

    def optional_leaf(self, name: str) -> Tensor | None:
        """A leaf, or None where the case has no such array."""
        return self.leaf(name) if name in self else None


def sorted_rows(x: SparseTensor) -> tuple[Tensor, Tensor]:
    """Coordinates and features of x, rows sorted by (b, x, y, z) as the golden vectors are."""
    order = lexicographic(x.coords)
    return x.coords[order], x.features[order]


def lexicographic(coords: Tensor) -> Tensor:
    """Row order int64 [N] by (b, x, y, z)."""
    order = np.lexsort(coords.cpu().numpy().T[::-1])
    return torch.from_numpy(order).to(coords.device)
