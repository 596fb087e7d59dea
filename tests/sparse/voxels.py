"""Random voxels and tensors for the tests of sparse/ and nn/; seeds are fixed, coordinates straddle zero."""

import torch
from torch import Tensor

from completion.sparse import CoordMap, SparseTensor


def random_coords(
    seed: int, number: int = 60, stride: int = 1, batch_size: int = 2, spread: int = 5
) -> Tensor:
    """int32 [N, 4] unique coordinates in random order, N ≤ number, multiples of the stride."""
    generator = torch.Generator().manual_seed(seed)
    space = torch.randint(-spread, spread, (number, 3), generator=generator) * stride
    batch = torch.randint(0, batch_size, (number, 1), generator=generator)
    coords = torch.cat([batch, space], dim=1).int().unique(dim=0)
    return coords[torch.randperm(coords.shape[0], generator=generator)]


def random_map(
    seed: int, device: torch.device, number: int = 60, stride: int = 1, batch_size: int = 2
) -> CoordMap:
    """Set of `random_coords`."""
    coords = random_coords(seed, number, stride, batch_size)
    return CoordMap.from_coords(coords.to(device), stride, batch_size)


def random_features(
    coord_map: CoordMap, channels: int = 3, dtype: torch.dtype = torch.float64, seed: int = 0
) -> SparseTensor:
    """Tensor of normal features on a set; the features are a leaf that collects a gradient."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(coord_map.num_rows, channels, generator=generator, dtype=torch.float64)
    return SparseTensor(values.to(coord_map.device, dtype).requires_grad_(), coord_map)


def empty_map(device: torch.device, stride: int = 1, batch_size: int = 2) -> CoordMap:
    """Set without a voxel."""
    return CoordMap.from_coords(torch.empty(0, 4, dtype=torch.int32, device=device), stride, batch_size)


def rows(coord_map: CoordMap) -> list[tuple[int, ...]]:
    """Coordinates as tuples, in row order."""
    return [tuple(row) for row in coord_map.coords.tolist()]
