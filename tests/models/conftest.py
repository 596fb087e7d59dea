"""Half-seen spheres on a small grid: the smallest completion problem."""

import pytest
import torch

from completion.sparse import CoordMap, SparseTensor

RESOLUTION = 16


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Problems this small are slower on several threads, much slower beside other work."""
    torch.set_num_threads(1)


def sphere(item: int, centre: float, radius: float) -> torch.Tensor:
    """int32[N, 4]: the voxels within half a voxel of a sphere's surface."""
    axis = torch.arange(RESOLUTION)
    grid = torch.cartesian_prod(axis, axis, axis)
    distance = (grid + 0.5 - centre).norm(dim=1)
    voxels = grid[(distance - radius).abs() < 0.5]
    return torch.cat([torch.full((len(voxels), 1), item), voxels], dim=1).int()


@pytest.fixture
def truth() -> CoordMap:
    """Two whole spheres, stride 1."""
    return CoordMap.from_coords(torch.cat([sphere(0, 8.0, 6.0), sphere(1, 7.0, 4.0)]))


@pytest.fixture
def partial(truth: CoordMap) -> SparseTensor:
    """Their halves at low x, features of ones."""
    seen = truth.coords[truth.coords[:, 1] < 7]
    return SparseTensor.from_coords(torch.ones(len(seen), 1), seen, batch_size=2)


@pytest.fixture
def empty() -> SparseTensor:
    """Two items without any voxel."""
    return SparseTensor.from_coords(torch.ones(0, 1), torch.zeros(0, 4, dtype=torch.int32), batch_size=2)
