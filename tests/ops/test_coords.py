"""encode, decode and inside_box against the bit-by-bit reference."""

import pytest
import torch
from tests.ops.voxel_sets import COORDS, NAMES, assert_same, random_coords

from completion import ops
from completion.ops import reference


@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference_and_back(name: str, device: torch.device):
    coords = COORDS[name]().to(device)
    keys = ops.encode(coords)
    assert_same(keys, reference.encode(coords))
    assert_same(ops.decode(keys), coords)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ((-2, -3, 0), (4, 3, 2)),
        ((-32768, -32768, -32768), (32767, 32767, 32767)),
        ((-(10**30), -32768, 5), (10**30, 32768, 2**40)),
        ((1, 1, 1), (1, 9, 9)),
        ((5, 0, 0), (-5, 9, 9)),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_inside_box_equals_the_reference(name: str, low: tuple, high: tuple, device: torch.device):
    keys = ops.encode(COORDS[name]().to(device))
    within = [tuple(max(-(2**62), min(c, 2**62)) for c in corner) for corner in (low, high)]
    assert_same(ops.inside_box(keys, low, high), reference.inside_box(keys, *within))
    assert_same(ops.inside_box(keys[::2], low, high), reference.inside_box(keys[::2], *within))


def test_order_is_batch_then_morton(device: torch.device):
    in_order = [
        (0, -1, -1, -1),
        (0, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 1, 0),
        (0, 1, 1, 0),
        (0, 0, 0, 1),
        (1, -9, 0, 0),
    ]
    keys = ops.encode(torch.tensor(in_order, dtype=torch.int32, device=device))
    assert (keys[1:] > keys[:-1]).all()


def test_non_contiguous_input(device: torch.device):
    wide = random_coords(60, -9, 9).to(device).repeat(1, 2)
    assert_same(ops.encode(wide[::3, 4:]), reference.encode(wide[::3, 4:].contiguous()))
    keys = ops.encode(wide[:, :4])
    assert_same(ops.decode(keys[::2]), ops.decode(keys)[::2])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ((0, 32768, 0, 0), r"encode: coords must have x in -32768…32767, got 32768; "),
        ((0, 0, -32769, 0), r"encode: coords must have y in -32768…32767, got -32769; "),
        ((0, 0, 0, 2**31 - 1), r"encode: coords must have z in -32768…32767, got 2147483647; "),
        ((-1, 0, 0, 0), r"encode: coords must have batch in 0…65535, got -1; "),
        ((65536, 0, 0, 0), r"encode: coords must have batch in 0…65535, got 65536; "),
    ],
)
def test_refuses_what_a_key_cannot_hold(row: tuple[int, ...], said: str, device: torch.device):
    coords = torch.tensor([(0, 0, 0, 0), row], dtype=torch.int32, device=device)
    with pytest.raises(ValueError, match=said):
        ops.encode(coords)


def test_error_words(device: torch.device):
    with pytest.raises(TypeError, match="encode: coords must be int32, got int64; convert it first"):
        ops.encode(torch.zeros(2, 4, dtype=torch.int64, device=device))
    with pytest.raises(TypeError, match="encode: coords must be a Tensor, got list; wrap it"):
        ops.encode([[0, 0, 0, 0]])
    with pytest.raises(ValueError, match=r"encode: coords must be \[N, 4\], got \[2, 3\]; reshape it"):
        ops.encode(torch.zeros(2, 3, dtype=torch.int32, device=device))
    with pytest.raises(ValueError, match=r"decode: keys must be \[N\], got \[2, 1\]; reshape it"):
        ops.decode(torch.zeros(2, 1, dtype=torch.int64, device=device))
    keys = torch.zeros(2, dtype=torch.int64, device=device)
    with pytest.raises(
        ValueError, match=r"inside_box: low must be three integers, got \[0, 0\]; give x, y, z"
    ):
        ops.inside_box(keys, (0, 0), (1, 1, 1))
    with pytest.raises(
        TypeError, match="inside_box: high must be a sequence of integers, got 1; convert its"
    ):
        ops.inside_box(keys, (0, 0, 0), 1)


def test_opcheck(device: torch.device):
    coords = random_coords(5, -9, 9).to(device)
    torch.library.opcheck(torch.ops.completion.encode, (coords,))
    torch.library.opcheck(torch.ops.completion.decode, (ops.encode(coords),))
    torch.library.opcheck(torch.ops.completion.inside_box, (ops.encode(coords), [0, 0, 0], [9, 2, 9]))
