"""Coordinate sets that operators must survive, by name, and the way from coordinates to canonical keys."""

from collections.abc import Callable, Iterable
from itertools import product

import torch
from torch import Tensor

from completion.ops import reference


def random_coords(count: int, low: int, high: int, batches: int = 3, seed: int = 0) -> Tensor:
    """int32 [count, 4] with duplicates, low ≤ x, y, z < high."""
    generator = torch.Generator().manual_seed(seed)
    space = torch.randint(low, high, (count, 3), generator=generator, dtype=torch.int32)
    batch = torch.randint(0, batches, (count, 1), generator=generator, dtype=torch.int32)
    return torch.cat([batch, space], dim=1)


def sphere(radius: int, centre: int = 0) -> Tensor:
    """int32 [N, 4]: surface voxels of a sphere, the shape of real inputs."""
    axis = torch.arange(-radius - 1, radius + 2)
    grid = torch.cartesian_prod(axis, axis, axis)
    surface = grid[(grid.double().norm(dim=1) - radius).abs() < 0.5]
    return torch.nn.functional.pad(surface + centre, (1, 0)).int()


def _rows(*rows: tuple[int, int, int, int]) -> Tensor:
    return torch.tensor(rows, dtype=torch.int32).reshape(-1, 4)


COORDS: dict[str, Callable[[], Tensor]] = {
    "empty": lambda: _rows(),
    "one voxel": lambda: _rows((0, 0, 0, 0)),
    "one negative voxel": lambda: _rows((0, -1, -1, -1)),
    "one voxel many times": lambda: _rows((2, 3, -4, 5)).repeat(7, 1),
    "an empty batch item": lambda: _rows((0, 1, 2, 3), (2, 1, 2, 3), (2, 1, 2, 4)),
    "corners of the range": lambda: _rows(*product((0, 65535), *((-32768, 32767),) * 3)),
    "around the origin": lambda: random_coords(300, -4, 4),
    "far apart": lambda: random_coords(200, -32768, 32768, batches=60000),
    "a surface": lambda: sphere(6),
}
NAMES = list(COORDS)


def canonical(coords: Tensor, device: torch.device) -> Tensor:
    """int64 canonical keys of the coordinates on the device, by the reference alone."""
    return reference.coordinate_set(reference.encode(coords))[0].to(device)


def random_mask(keys: Tensor, share: float = 0.5) -> Tensor:
    """bool [N]: about this share of the rows."""
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(keys.shape, generator=generator) < share).to(keys.device)


def cube(size: int, step: int = 1, centred: bool = True) -> list[int]:
    """Flat offsets of a cubic kernel, first axis fastest."""
    first = size // 2 if centred else 0
    return [(i - first) * step for z, y, x in product(range(size), repeat=3) for i in (x, y, z)]


def assert_same(actual: Tensor | tuple[Tensor, ...], expected: Tensor | tuple[Tensor, ...]) -> None:
    """Asserts that integer results are equal in dtype, shape and every value."""
    if isinstance(expected, (tuple, list)):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_same(one, other)
        return
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    assert torch.equal(actual.cpu(), expected.cpu())


def same_bits(actual: Iterable[Tensor], expected: Iterable[Tensor]) -> None:
    """Asserts that tensors are equal in dtype, shape and every bit."""
    for index, (one, other) in enumerate(zip(actual, expected, strict=True)):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), index
        bits = (value.reshape(-1).contiguous().view(torch.uint8) for value in (one, other))
        equal = torch.equal(*bits)
        assert equal, f"result {index}, {one.dtype} {list(one.shape)}"
