"""Operators run on the device of their tensors, whichever is current, and leave the current one alone.

With one GPU the device is cuda:0 by its index, and the current one too; a second GPU makes them differ.
"""

import pytest
import torch
from tests.cuda.operators import on_coordinates, on_features, operands
from tests.ops.voxel_sets import same_bits
from tests.sparse.voxels import random_features, random_map

from completion import ops
from completion.nn import Conv3d

COUNT = torch.cuda.device_count()


@pytest.mark.parametrize("index", range(COUNT))
def test_operators_on_a_device_by_index(index: int):
    device, current = torch.device("cuda", index), (index + 1) % COUNT
    with torch.cuda.device(current):
        given = operands(device, torch.float32, (20, 36))
        results = [*on_coordinates(device), *on_features(given)]
        assert torch.cuda.current_device() == current
    assert all(one.device == device for one in results)
    zero = torch.device("cuda", 0)
    expected = [*on_coordinates(zero), *on_features(operands(zero, torch.float32, (20, 36)))]
    same_bits([one.to(zero) for one in results], expected)


def test_a_device_without_index_is_the_current_one():
    for index in range(COUNT):
        with torch.cuda.device(index):
            x = random_features(random_map(0, torch.device("cpu")), 3, torch.float32)
            moved, again = x.to("cuda"), x.to(torch.device("cuda", index))
            assert moved.coord_map is again.coord_map
            layer = Conv3d(3, 4).to("cuda")
            assert layer(moved).features.device == torch.device("cuda", index)


@pytest.mark.skipif(COUNT < 2, reason="tensors on two GPUs need two")
def test_tensors_on_two_devices_are_refused():
    one, other = (operands(torch.device("cuda", index), torch.float32, (4, 4)) for index in range(2))
    with pytest.raises(ValueError, match="cuda:1"):
        ops.convolution(one.fine, other.weight, one.table, one.reverse)
