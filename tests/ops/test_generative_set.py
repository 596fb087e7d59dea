"""generative_set against all sums of parents and offsets."""

import pytest
import torch
from tests.ops.voxel_sets import COORDS, NAMES, assert_same, canonical, cube, random_coords

from completion import ops
from completion.ops import reference

KERNELS = {
    "k2": cube(2, centred=False),
    "k3": cube(3),
    "k4": cube(4, centred=False),
    "k3 dilated": cube(3, step=2),
    "k2 far": cube(2, step=9, centred=False),
    "k3 negative even steps": cube(3, step=6),
    "one offset": [0, 0, 0],
    "no offset": [],
    "x alone": [-1, 0, 0, 0, 0, 0, 1, 0, 0],
    "twice the same": [1, 2, 3, 1, 2, 3],
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in ("corners of the range", "far apart")]
)
def test_equals_the_reference(name: str, kernel: str, device: torch.device):
    keys = canonical(COORDS[name](), device)
    assert_same(ops.generative_set(keys, KERNELS[kernel]), reference.generative_set(keys, KERNELS[kernel]))


@pytest.mark.parametrize("stride", [2, 4, 3])
@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_parents_on_a_coarser_lattice(stride: int, size: int, device: torch.device):
    parents = reference.strided_set(canonical(random_coords(200, -20, 20), device), (stride,) * 3)[0]
    for step in (1, stride):
        offsets = cube(size, step, centred=size % 2 == 1)
        assert_same(ops.generative_set(parents, offsets), reference.generative_set(parents, offsets))


def test_343_offsets(device: torch.device):
    keys = canonical(random_coords(30, -9, 9), device)
    assert_same(ops.generative_set(keys, cube(7)), reference.generative_set(keys, cube(7)))


@pytest.mark.parametrize(
    "offset", [(1, 0, 0), (0, -1, 0), (0, 0, 65536), (-70000, 0, 0), (0, 10**9, 0)], ids=str
)
def test_child_out_of_range_is_refused(offset: tuple[int, ...], device: torch.device):
    keys = canonical(torch.tensor([[0, 32767, -32768, 0]], dtype=torch.int32), device)
    with pytest.raises(
        ValueError, match=r"^generative_set: children must lie in -32768…32767, got -?\d+; drop the outer"
    ):
        ops.generative_set(keys, [0, 0, 0, *offset])


def test_error_words(device: torch.device):
    keys = torch.zeros(1, dtype=torch.int64, device=device)
    with pytest.raises(
        ValueError, match="generative_set: offsets must be x, y, z of at most 343 offsets, got 4 num"
    ):
        ops.generative_set(keys, [1, 2, 3, 4])
    with pytest.raises(ValueError, match="got 1032 numbers; flatten"):
        ops.generative_set(keys, [0] * 3 * 344)


def test_opcheck(device: torch.device):
    keys = canonical(random_coords(10, -3, 3), device)
    torch.library.opcheck(torch.ops.completion.generative_set, (keys, cube(2, centred=False)))
