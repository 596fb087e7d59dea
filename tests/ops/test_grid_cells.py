"""grid_cells against the reference, and as the inverse of a grid's own coordinates."""

import pytest
import torch
from tests.ops.voxel_sets import COORDS, NAMES, assert_same, canonical, random_coords

from completion import ops
from completion.ops import reference

GRIDS = [
    ((-4, -4, -4), (1, 1, 1), (3, 9, 8, 7)),
    ((0, -6, 2), (2, 3, 1), (1, 4, 5, 6)),
    ((-32768, -32768, -32768), (4096, 8192, 16384), (65536, 16, 8, 4)),
    ((-(2**62), 0, 0), (2**58, 2**62, 2**62), (3, 17, 1, 1)),
    ((0, 0, 0), (1, 1, 1), (0, 5, 5, 5)),
    ((0, 0, 0), (1, 1, 1), (2, 5, 0, 5)),
    ((0, 0, 0), (1, 1, 1), (65536, 2**31 - 1, 2**31 - 1, 0)),
]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference(name: str, grid: tuple, device: torch.device):
    keys = canonical(COORDS[name](), device)
    assert_same(ops.grid_cells(keys, *grid), reference.grid_cells(keys, *grid))
    assert_same(ops.grid_cells(keys[::2], *grid), reference.grid_cells(keys[::2], *grid))


def test_more_rows_than_one_block(device: torch.device):
    keys = canonical(random_coords(70_000, -40, 40), device)
    grid = (-40, -40, -40), (2, 4, 5), (3, 40, 20, 16)
    assert_same(ops.grid_cells(keys, *grid), reference.grid_cells(keys, *grid))


def test_each_cell_of_a_grid_is_its_own(device: torch.device):
    axes = [torch.arange(size, dtype=torch.int32) for size in (2, 3, 4, 5)]
    keys = ops.encode(torch.cartesian_prod(*axes).to(device))
    cells = ops.grid_cells(keys, (0, 0, 0), (1, 1, 1), (2, 3, 4, 5))
    assert cells.tolist() == list(range(2 * 3 * 4 * 5))


def test_error_words(device: torch.device):
    keys = canonical(random_coords(9, -9, 9), device)
    good = {"origin": (0, 0, 0), "step": (1, 1, 1), "shape": (1, 2, 2, 2)}
    with pytest.raises(ValueError, match=r"grid_cells: step must be 3 integers in 1…\d+, got \[1, 0, 1\]"):
        ops.grid_cells(keys, **{**good, "step": (1, 0, 1)})
    with pytest.raises(ValueError, match=r"grid_cells: shape must give at most 2147483647 cells, got \[2, "):
        ops.grid_cells(keys, **{**good, "shape": (2, 2048, 1024, 1024)})


def test_opcheck(device: torch.device):
    keys = canonical(random_coords(20, -2, 2), device)
    torch.library.opcheck(torch.ops.completion.grid_cells, (keys, [0, 0, 0], [1, 2, 1], [2, 3, 2, 3]))
