"""Dense grids: there and back, origins, masks, gradients, refusals."""

import pytest
import torch
from tests.sparse.voxels import empty_map, random_features, random_map, rows

from completion.sparse import from_dense, grid_coord_map, grid_rows


def test_each_voxel_lands_in_its_cell(device) -> None:
    x = random_features(random_map(0, device, stride=2))
    grid = x.dense((-10, -12, -10), (10, 11, 12))
    assert grid.shape == (2, 3, 10, 11, 12)
    for (b, i, j, k), value in zip(rows(x.coord_map), x.features, strict=True):
        assert torch.equal(grid[b, :, (i + 10) // 2, (j + 12) // 2, (k + 10) // 2], value)
    assert grid.count_nonzero() == x.features.numel()


def test_there_and_back_with_a_mask(device) -> None:
    x = random_features(random_map(1, device))
    grid = x.dense((-5, -5, -5), (10, 10, 10))
    back = from_dense(grid, (-5, -5, -5), 1, mask=(grid != 0).any(dim=1))
    assert torch.equal(back.coords, x.coords) and torch.equal(back.features, x.features)


def test_all_cells_without_a_mask(device) -> None:
    grid = torch.randn(2, 3, 4, 5, 6, device=device, dtype=torch.float64)
    x = from_dense(grid, (-4, 8, 0), (4, 2, 1))
    assert x.num_rows == 2 * 4 * 5 * 6 and x.stride == (4, 2, 1) and x.batch_size == 2
    assert torch.equal(x.dense((-4, 8, 0), (4, 5, 6)), grid)


def test_rows_of_a_grid_are_zero_outside(device) -> None:
    x = random_map(2, device)
    grid = torch.randn(2, 3, 4, 4, 4, device=device, dtype=torch.float64)
    for (b, i, j, k), value in zip(rows(x), grid_rows(grid, x, (-2, -2, -2)), strict=True):
        inside = all(-2 <= c < 2 for c in (i, j, k))
        assert torch.equal(value, grid[b, :, i + 2, j + 2, k + 2] if inside else torch.zeros_like(value))


def test_rows_of_a_batch_item_that_the_grid_lacks_are_zero(device) -> None:
    x = random_map(3, device)
    values = grid_rows(torch.ones(1, 1, 10, 10, 10, device=device), x, (-5, -5, -5))
    assert torch.equal(values[:, 0] == 1, x.coords[:, 0] == 0)


def test_gradients(device) -> None:
    coord_map = random_map(4, device, number=8).strided(4)
    features = torch.randn(coord_map.num_rows, 2, dtype=torch.float64, device=device, requires_grad=True)
    x = random_features(coord_map, 2)
    assert torch.autograd.gradcheck(lambda f: x.replace(f).dense((-8, -8, -8), (4, 4, 4)), features)
    grid = torch.randn(2, 2, 3, 3, 3, dtype=torch.float64, device=device, requires_grad=True)
    assert torch.autograd.gradcheck(lambda g: from_dense(g, (0, 0, 0), 1).features, grid)
    assert torch.autograd.gradcheck(lambda g: grid_rows(g, coord_map, (-4, -4, -4)), grid)


def test_nothing(device) -> None:
    grid = random_features(empty_map(device)).dense((0, 0, 0), (2, 2, 2))
    assert grid.shape == (2, 3, 2, 2, 2) and not grid.any()
    mask = torch.zeros(2, 2, 2, 2, dtype=torch.bool, device=device)
    assert from_dense(grid, (0, 0, 0), 1, mask).num_rows == 0
    assert grid_coord_map(0, (0, 0, 0), (2, 2, 2), 1).num_rows == 0


def test_a_grid_that_is_asked_for_again_is_another_set_of_the_same_cells(device) -> None:
    first, again = (grid_coord_map(2, (-4, 0, 0), (2, 3, 4), 2, device=device) for _ in range(2))
    assert again is not first and torch.equal(again.keys, first.keys)
    other = grid_coord_map(2, (-4, 0, 0), (2, 3, 3), 2, device=device)
    assert other.num_rows == 2 * 2 * 3 * 3 and first.contains(other).all()


def test_a_grid_without_cells_may_lie_anywhere(device) -> None:
    assert grid_coord_map(3, (2**40, 0, 0), (0, 4, 4), 1, device=device).num_rows == 0
    assert grid_coord_map(0, (0, 0, 0), (4, 4, 4), 1, device=device).num_rows == 0


def test_one_cell_of_any_width(device) -> None:
    one = grid_coord_map(1, (0, 0, 0), (1, 1, 1), 2**20, device=device)
    assert one.coords.tolist() == [[0, 0, 0, 0]] and one.stride == (2**20,) * 3


def test_one_selected_cell_of_any_width_and_from_anywhere(device) -> None:
    mask = torch.zeros(2, 3, 1, 1, dtype=torch.bool, device=device)
    mask[1, 2] = True
    one = grid_coord_map(2, (-(2**61), 0, 0), (3, 1, 1), 2**60, mask)
    assert one.coords.tolist() == [[1, 0, 0, 0]]
    with pytest.raises(ValueError, match=r"coords must have x in .*, got 2305843009213693952"):
        grid_coord_map(2, (0, 0, 0), (3, 1, 1), 2**60, mask)


@pytest.mark.parametrize("masked", [False, True])
def test_cells_beyond_the_range_are_refused(device, masked: bool) -> None:
    mask = torch.ones(1, 2, 1, 1, dtype=torch.bool, device=device) if masked else None
    with pytest.raises(ValueError, match=r"grid_coord_map: coords must have x in .*, got 32768; shift"):
        grid_coord_map(1, (32764, 0, 0), (2, 1, 1), 4, mask, device)


def test_errors_name_argument_value_and_remedy(device) -> None:
    x = random_features(random_map(5, device, stride=2))
    with pytest.raises(ValueError, match=r"dense: shape must hold every voxel, got \d+ of \d+ outside"):
        x.dense((0, 0, 0), (2, 2, 2))
    with pytest.raises(
        ValueError, match=r"origin must be a multiple of the stride \(2, 2, 2\), got \(1, 0, 0\)"
    ):
        x.dense((1, 0, 0), (2, 2, 2))
    with pytest.raises(ValueError, match=r"grid must be \[B, C, X, Y, Z\], got \[2, 2\]"):
        from_dense(torch.zeros(2, 2), (0, 0, 0), 1)
    with pytest.raises(ValueError, match=r"mask must be \[1, 2, 2, 2\], got \[2, 2, 2\]"):
        from_dense(torch.zeros(1, 1, 2, 2, 2), (0, 0, 0), 1, torch.ones(2, 2, 2, dtype=torch.bool))


def test_a_grid_of_too_many_cells_is_refused(device) -> None:
    x = random_features(random_map(0, device))
    with pytest.raises(
        ValueError, match=r"dense: shape must give at most 2147483647 cells, got \(2000, 2000"
    ):
        x.dense((-8, -8, -8), (2000, 2000, 2000))
