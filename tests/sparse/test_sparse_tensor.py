"""SparseTensor: entry with reduction of duplicates, conversions, checks."""

import copy
import pickle

import pytest
import torch
from tests.sparse.voxels import empty_map, random_coords, random_features, random_map
from tests.tolerances import assert_near

from completion.sparse import CoordMap, SparseTensor

COORDS = [[0, 1, 1, 1], [1, 0, 0, 0], [0, 1, 1, 1], [0, -2, 0, 0], [0, 1, 1, 1]]
FEATURES = [[1.0, -5.0], [2.0, 2.0], [4.0, -3.0], [7.0, 0.0], [1.0, -4.0]]
RULES = {"first": [1.0, -5.0], "sum": [6.0, -12.0], "mean": [2.0, -4.0], "max": [4.0, -3.0]}
GRADIENTS = {
    "first": [[1, 1], [0, 0], [0, 0]],
    "sum": [[1, 1], [1, 1], [1, 1]],
    "mean": [[1 / 3, 1 / 3]] * 3,
    "max": [[0, 0], [1, 1], [0, 0]],
}


@pytest.mark.parametrize("rule", RULES)
def test_duplicates_are_reduced_by_the_named_rule(rule, device) -> None:
    features = torch.tensor(FEATURES, device=device, dtype=torch.float64, requires_grad=True)
    coords = torch.tensor(COORDS, dtype=torch.int32, device=device)
    x = SparseTensor.from_coords(features, coords, duplicates=rule)
    assert x.coords.tolist() == [[0, -2, 0, 0], [0, 1, 1, 1], [1, 0, 0, 0]]
    expected = torch.tensor([[7.0, 0.0], RULES[rule], [2.0, 2.0]], dtype=torch.float64)
    assert_near(x.features, expected)
    x.features[1].sum().backward()
    assert_near(features.grad[[0, 2, 4]], torch.tensor(GRADIENTS[rule], dtype=torch.float64))
    assert not features.grad[[1, 3]].any()


def test_duplicates_are_refused_by_default() -> None:
    with pytest.raises(
        ValueError, match=r"SparseTensor.from_coords: coords must be unique, got 2 repeated rows"
    ):
        SparseTensor.from_coords(torch.tensor(FEATURES), torch.tensor(COORDS, dtype=torch.int32))


def test_input_order_does_not_matter(device) -> None:
    coords = random_coords(0).to(device)
    features = torch.randn(coords.shape[0], 3, device=device)
    one, two = (
        SparseTensor.from_coords(features, coords),
        SparseTensor.from_coords(features.flip(0), coords.flip(0)),
    )
    assert torch.equal(one.features, two.features) and torch.equal(one.coords, two.coords)


def test_non_contiguous_input(device) -> None:
    coords = random_coords(1).to(device)
    features = torch.randn(3, coords.shape[0], device=device)
    strided = coords.repeat_interleave(2, dim=1)[:, ::2]
    one = SparseTensor.from_coords(features.T, strided)
    two = SparseTensor.from_coords(features.T.contiguous(), coords)
    assert torch.equal(one.features, two.features) and torch.equal(one.coords, two.coords)


def test_attributes(device) -> None:
    x = random_features(random_map(2, device, stride=2))
    assert x.stride == (2, 2, 2) and x.batch_size == 2 and x.num_channels == 3
    assert x.num_rows == x.features.shape[0] and x.device == x.features.device and x.dtype == torch.float64
    assert "num_rows" in repr(x) and "stride=(2, 2, 2)" in repr(x.coord_map)


def test_replace_detach_and_to_leave_the_tensor_alone(device) -> None:
    x = random_features(random_map(3, device))
    y = x.replace(x.features * 2)
    assert y.coord_map is x.coord_map and y is not x
    assert x.detach() is not x and x.features.requires_grad and not x.detach().features.requires_grad
    half = x.to(torch.float32)
    assert half.dtype == torch.float32 and half.coord_map is x.coord_map and x.dtype == torch.float64


def test_tensors_that_share_a_set_share_it_on_the_other_device() -> None:
    if not torch.cuda.is_available():
        coord_map = random_map(4, torch.device("cpu"))
        assert coord_map.to("meta") is coord_map.to("meta")
        return
    x = random_features(random_map(4, torch.device("cpu")))
    moved, again = x.to("cuda"), x.detach().to("cuda")
    assert moved.coord_map is again.coord_map and moved.coord_map.device.type == "cuda"
    assert torch.equal(moved.coords.cpu(), x.coords)


def test_errors_name_argument_value_and_remedy() -> None:
    coord_map = CoordMap.from_coords(torch.zeros(1, 4, dtype=torch.int32))
    with pytest.raises(
        ValueError, match=r"SparseTensor: features must be \[1, C\], got \[2, 3\]; give one row"
    ):
        SparseTensor(torch.zeros(2, 3), coord_map)
    with pytest.raises(ValueError, match=r"features must be on cpu, got meta"):
        SparseTensor(torch.zeros(1, 3, device="meta"), coord_map)
    with pytest.raises(ValueError, match=r"from_coords: features must be \[2, C\], got \[2\]"):
        SparseTensor.from_coords(
            torch.zeros(2), torch.tensor([[0, 0, 0, 0], [0, 1, 0, 0]], dtype=torch.int32)
        )
    with pytest.raises(ValueError, match=r"duplicates must be .* got 'min'; choose one"):
        SparseTensor.from_coords(torch.zeros(1, 1), torch.zeros(1, 4, dtype=torch.int32), duplicates="min")


@pytest.mark.parametrize("rule", ["error", *RULES])
def test_no_voxel_at_all(rule, device) -> None:
    features = torch.empty(0, 2, device=device, requires_grad=True)
    x = SparseTensor.from_coords(features, empty_map(device).coords, batch_size=3, duplicates=rule)
    assert x.num_rows == 0 and x.batch_size == 3 and x.features.shape == (0, 2)
    x.features.sum().backward()
    assert features.grad.shape == (0, 2)


def test_copies(device) -> None:
    x = random_features(random_map(5, device)).detach()
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert torch.equal(twin.features, x.features) and torch.equal(twin.coords, x.coords)
        assert twin.coord_map is not x.coord_map
    first, second = copy.deepcopy([x, x.replace(x.features + 1)])
    assert first.coord_map is second.coord_map


def test_torchs_sparse_features_are_refused() -> None:
    coords = torch.tensor([[0, 0, 0, 0]], dtype=torch.int32)
    features = torch.ones(1, 2).to_sparse()
    for make in (
        lambda: SparseTensor(features, CoordMap.from_coords(coords)),
        lambda: SparseTensor.from_coords(features, coords),
    ):
        with pytest.raises(ValueError, match=r"features must be dense, got torch.sparse_coo; convert it"):
            make()
