"""One scan's voxels through a trained network, free-running; reads and writes no files."""

from dataclasses import dataclass

import numpy as np
import torch

from completion.models.completion_model import CompletionModel
from completion.sparse import SparseTensor


@dataclass(frozen=True)
class Prediction:
    """The completion of one scan.

    Attributes:
        coords: int32[M, 3], occupied voxels inside the grid.
        probability: float32[M], of being occupied.
        levels: int32[K, 3] of kept cells by stride, coarse to fine, in finest voxels.
    """

    coords: np.ndarray
    probability: np.ndarray
    levels: dict[int, np.ndarray]


@torch.no_grad()
def predict(model: CompletionModel, partial_coords: np.ndarray) -> Prediction:
    """Returns what a network in evaluation mode makes of one scan.

    Args:
        model: in evaluation mode, on any device.
        partial_coords: int32[N, 3], unique voxels of the scan inside the model's grid.

    Raises:
        ValueError: a voxel outside the grid that the model was trained for.
    """
    size = model.resolution
    if len(partial_coords) and not (partial_coords.min() >= 0 and partial_coords.max() < size):
        raise ValueError(
            f"predict: partial_coords must be inside [0, {size})³, got "
            f"{partial_coords.min()}…{partial_coords.max()}; voxelise the scan at the model's resolution"
        )
    device = next(model.parameters()).device
    rows = torch.as_tensor(np.asarray(partial_coords, dtype=np.int32), device=device).reshape(-1, 3)
    coords = torch.cat([rows.new_zeros(len(rows), 1), rows], dim=1)
    features = torch.ones(len(rows), 1, device=device)
    completion = model(SparseTensor.from_coords(features, coords, batch_size=1))
    levels = {
        level.stride: level.coord_map.coords[level.kept, 1:].cpu().numpy() for level in completion.levels
    }
    probability = torch.sigmoid(completion.logits.float()).cpu().numpy()
    return Prediction(completion.coord_map.coords[:, 1:].cpu().numpy(), probability, levels)
