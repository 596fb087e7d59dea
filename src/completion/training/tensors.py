"""From a collated batch to what the network takes: an input tensor of ones and the set of true voxels."""

import torch

from completion.data.collate import Batch
from completion.sparse import CoordMap, SparseTensor


def input_tensor(batch: Batch, device: torch.device | str = "cpu") -> SparseTensor:
    """float32[N, 1] of ones on the voxels of the partial scans, stride 1."""
    coords = batch.partial_coords.to(device)
    features = torch.ones(len(coords), 1, device=coords.device)
    return SparseTensor.from_coords(features, coords, batch_size=batch.batch_size)


def truth_map(batch: Batch, device: torch.device | str = "cpu") -> CoordMap:
    """The voxels of the whole shapes, stride 1."""
    return CoordMap.from_coords(batch.complete_coords.to(device), batch_size=batch.batch_size)
