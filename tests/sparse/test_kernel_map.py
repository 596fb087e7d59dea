"""KernelMap: cache by identity, mirrored reverse, exchange, floor cells."""

import gc
import weakref

import pytest
import torch
from tests.sparse.voxels import empty_map, random_map, rows

from completion import ops
from completion.sparse import CoordMap, cell_map, kernel_map
from completion.sparse.kernel_offsets import kernel_offsets


def test_made_once_per_pair_and_geometry(device) -> None:
    a = random_map(0, device)
    assert kernel_map(a, a, 3) is kernel_map(a, a, (3, 3, 3))
    assert kernel_map(a, a, 3) is not kernel_map(a, a, 3, dilation=2)
    assert kernel_map(a, a, 4) is not kernel_map(a, a, 4, phase="centered")
    assert kernel_map(a, a, 2) is kernel_map(a, a, 2, phase="centered"), "the same offsets"
    coarse = a.strided(2)
    assert kernel_map(a, coarse, 3).table is kernel_map(coarse, a, 3, transposed=True).reverse


def test_sets_of_equal_size_and_stride_never_share(device) -> None:
    coords = random_map(1, device).coords
    a = CoordMap.from_coords(coords)
    b = CoordMap.from_coords(coords + torch.tensor([0, 1, 0, 0], dtype=torch.int32, device=device))
    same = CoordMap.from_coords(coords)
    assert kernel_map(a, a, 3) is not kernel_map(b, b, 3)
    assert kernel_map(a, a, 3) is not kernel_map(same, same, 3)
    assert kernel_map(a, b, 3) is not kernel_map(a, a, 3)
    assert not torch.equal(kernel_map(a, b, 3).table, kernel_map(a, a, 3).table)


def test_maps_die_with_their_sets(device) -> None:
    a, b = random_map(2, device), random_map(3, device)
    dead = weakref.ref(kernel_map(a, b, 3))
    alive = kernel_map(a, a, 3)
    del b
    gc.collect()
    assert dead() is None and kernel_map(a, a, 3) is alive


def test_set_with_maps_of_itself_is_freed_at_once(device) -> None:
    a = random_map(3, device)
    kernel_map(a, a, 3).reverse, a.strided(2)
    gone = weakref.ref(a)
    gc.disable()
    try:
        del a
        assert gone() is None, "a cycle keeps the level alive until the collector runs"
    finally:
        gc.enable()


@pytest.mark.parametrize(("size", "region"), [(3, "cube"), ((3, 1, 5), "cube"), (5, "cross")], ids=str)
def test_mirrored_reverse_equals_the_reverse_map(size, region, device) -> None:
    a = random_map(4, device)
    pairs = kernel_map(a, a, size, region=region)
    assert torch.equal(pairs.reverse, ops.reverse_map(pairs.table, a.num_rows))
    assert pairs.reverse.is_contiguous()


def test_even_kernel_on_one_set_is_not_mirrored(device) -> None:
    a = random_map(5, device)
    pairs = kernel_map(a, a, 2)
    assert torch.equal(pairs.reverse, ops.reverse_map(pairs.table, a.num_rows))


def test_transposed_table_has_negated_offsets(device) -> None:
    fine = random_map(6, device)
    coarse = fine.strided(2)
    pairs = kernel_map(coarse, fine, 3, transposed=True)
    negated = [-c for c in kernel_offsets((3, 3, 3), (1, 1, 1), fine.stride)]
    assert torch.equal(pairs.table, ops.kernel_map(coarse.keys, fine.keys, negated))


@pytest.mark.parametrize("size", [2, 4, (2, 1, 4)], ids=str)
def test_floor_cells_are_the_windows_of_an_even_kernel(size, device) -> None:
    fine = random_map(7, device)
    coarse = fine.strided(size)
    assert torch.equal(cell_map(fine, coarse).table, ops.kernel_map(fine.keys, coarse.keys, even(size)))
    assert torch.equal(
        cell_map(fine, coarse).reverse, ops.reverse_map(cell_map(fine, coarse).table, fine.num_rows)
    )


def even(size) -> list[int]:
    sizes = (size,) * 3 if isinstance(size, int) else size
    return [c for z in range(sizes[2]) for y in range(sizes[1]) for x in range(sizes[0]) for c in (x, y, z)]


def test_floor_cells_leave_out_rows_without_a_parent(device) -> None:
    fine = random_map(8, device)
    some = fine.strided(3)
    some = some.pruned(torch.arange(some.num_rows, device=device) % 2 == 0)
    table = cell_map(fine, some).table
    inside = [i for i, (b, *c) in enumerate(rows(fine)) if (b, *(v // 3 * 3 for v in c)) in set(rows(some))]
    assert sorted(table[table >= 0].tolist()) == inside
    assert table.shape == (some.num_rows, 27)


def test_number_of_neighbours(device) -> None:
    a = random_map(9, device)
    present = set(rows(a))
    steps = (-1, 0, 1)
    expected = [
        sum((b, x + i, y + j, z + k) in present for i in steps for j in steps for k in steps)
        for b, x, y, z in rows(a)
    ]
    assert kernel_map(a, a, 3).num_neighbours.tolist() == expected


def test_maps_of_nothing(device) -> None:
    none, some = empty_map(device), random_map(10, device)
    assert kernel_map(none, none, 3).table.shape == kernel_map(none, none, 3).reverse.shape == (0, 27)
    assert kernel_map(none, some, 3).table.shape == (some.num_rows, 27)
    assert kernel_map(some, none, 3).reverse.shape == (some.num_rows, 27)
    assert cell_map(none, none.strided(2)).table.shape == (0, 8)


@pytest.mark.parametrize("dilation", [2**20, 2**62, 2**63, 10**30])
def test_beyond_the_range_nobody_is_a_neighbour(dilation: int, device) -> None:
    x = random_map(0, device)
    table = kernel_map(x, x, 3, dilation=dilation).table
    assert table[:, 13].tolist() == list(range(x.num_rows))
    assert int((table >= 0).sum()) == x.num_rows
    with pytest.raises(ValueError, match="generative_set: children must lie in"):
        x.generated(3, 1, dilation=dilation)
