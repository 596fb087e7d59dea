"""kernel_map and reverse_map against one look-up for each pair in plain torch."""

import pytest
import torch
from tests.ops.voxel_sets import COORDS, NAMES, assert_same, canonical, cube, random_coords

from completion import ops
from completion.ops import reference

KERNELS = {
    "k2": cube(2, centred=False),
    "k3": cube(3),
    "k4": cube(4, centred=False),
    "k3 dilated by 5": cube(3, step=5),
    "one offset": [0, 0, 0],
    "no offset": [],
    "longer than the range": [65535, 0, 0, 0, -65536, 0, 70000, 0, 0, 0, 0, 10**9],
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference(name: str, kernel: str, device: torch.device):
    source = canonical(COORDS[name](), device)
    for target in (source, canonical(COORDS["around the origin"](), device)):
        table = ops.kernel_map(source, target, KERNELS[kernel])
        assert_same(table, reference.kernel_map(source, target, KERNELS[kernel]))
        assert_same(ops.reverse_map(table, source.numel()), reference.reverse_map(table, source.numel()))


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_sets_of_different_strides(stride: int, device: torch.device):
    fine = canonical(random_coords(400, -12, 12), device)
    coarse = reference.strided_set(fine, (stride,) * 3)[0]
    for source, target in ((fine, coarse), (coarse, fine), (coarse, coarse)):
        for step in (1, stride):
            offsets = cube(3, step)
            assert_same(
                ops.kernel_map(source, target, offsets), reference.kernel_map(source, target, offsets)
            )


def test_343_offsets(device: torch.device):  # beyond 32, and beyond one word of present bits
    keys = canonical(random_coords(60, -5, 5), device)
    assert_same(ops.kernel_map(keys, keys, cube(7)), reference.kernel_map(keys, keys, cube(7)))


def test_more_rows_than_one_block(device: torch.device):
    keys = canonical(random_coords(40_000, -40, 40), device)
    offsets = [-1, 0, 0, 0, 1, -1]
    assert_same(ops.kernel_map(keys, keys, offsets), reference.kernel_map(keys, keys, offsets))


def test_non_contiguous_input(device: torch.device):
    keys = canonical(random_coords(200, -4, 4), device)
    table = ops.kernel_map(keys[::2], keys[::3], cube(3))
    assert_same(table, reference.kernel_map(keys[::2].contiguous(), keys[::3], cube(3)))
    transposed = table.T.contiguous().T
    assert_same(ops.reverse_map(transposed, keys.numel()), reference.reverse_map(table, keys.numel()))


def test_error_words(device: torch.device):
    keys = torch.zeros(1, dtype=torch.int64, device=device)
    table = torch.zeros(1, 1, dtype=torch.int32, device=device)
    with pytest.raises(
        ValueError, match="kernel_map: offsets must be x, y, z of at most 343 offsets, got 2 numbers"
    ):
        ops.kernel_map(keys, keys, [1, 2])
    with pytest.raises(ValueError, match=r"reverse_map: num_source must be an integer in 0….*, got -1; "):
        ops.reverse_map(table, -1)
    with pytest.raises(TypeError, match="reverse_map: table must be int32, got int64; convert it first"):
        ops.reverse_map(table.long(), 1)


def test_no_offsets(device: torch.device):
    keys = canonical(random_coords(20, -2, 2), device)
    assert ops.kernel_map(keys, keys, []).shape == (len(keys), 0)
    assert ops.generative_set(keys, []).shape == (0,)
    pairs, order, _ = ops.kernel_pairs(keys, keys, [], [])
    assert pairs.shape == (len(keys), 0) and order.tolist() == list(range(len(keys)))


def test_offsets_that_form_no_grid(device: torch.device):
    keys = canonical(random_coords(300, -400, 400), device)
    generator = torch.Generator().manual_seed(0)
    offsets = torch.randint(-400, 400, (343 * 3,), generator=generator).tolist()
    offsets[:3] = [0, 0, 0]
    table = ops.kernel_map(keys, keys, offsets)
    assert_same(table, reference.kernel_map(keys, keys, offsets))
    assert (table[:, 0] >= 0).all()


def test_opcheck(device: torch.device):
    keys = canonical(random_coords(20, -2, 2), device)
    torch.library.opcheck(torch.ops.completion.kernel_map, (keys, keys, cube(3)))
    table = ops.kernel_map(keys, keys, cube(3))
    torch.library.opcheck(torch.ops.completion.reverse_map, (table, keys.numel()))
