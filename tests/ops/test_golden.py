"""Every golden vector of one operation: coordinates, values, gradients, maps, through nn.functional."""

from collections.abc import Callable

import pytest
import torch
from tests.ops.golden import Golden, lexicographic, sorted_rows
from tests.tolerances import assert_near
from torch import Tensor

from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor, kernel_map

CONVOLUTIONS = [
    "conv_cross3_s1", "conv_k1_s1", "conv_k2_s1", "conv_k2_s2", "conv_k311_s1", "conv_k311_s211",
    "conv_k321_s1", "conv_k3_s1", "conv_k3_s1_d2", "conv_k3_s1_expand", "conv_k3_s1_nobias_c1",
    "conv_k3_s1_oncoords", "conv_k3_s1_ts2", "conv_k3_s2", "conv_k3_s2_expand", "conv_k3_s2_ts2",
    "conv_k4_s2", "conv_k5_s1", "convtr_k2_s2", "convtr_k3_s2", "convtr_k4_s2", "gen_k2_s2",
    "gen_k3_s1", "gen_k3_s2", "gen_k4_s2",
]  # fmt: skip
POOLINGS = [
    "pool_avg_k2_s2", "pool_avg_k3_s1", "pool_avg_k3_s2", "pool_avg_k3_s3", "pool_max_k2_s2",
    "pool_max_k3_s1", "pool_max_k3_s2", "pool_sum_k2_s2", "pool_sum_k3_s1", "pool_sum_k3_s2",
    "pool_sum_k3_s3",
]  # fmt: skip
QUANTISATIONS = ["quantize_first", "quantize_sum"]
GLOBALS = ["global_avg", "global_sum"]
# Each has a test of its own, here or in test_golden_network.py.
OTHERS = [
    "broadcast_add", "chain_c3_d2_d2_g2_g2", "completion_net", "interp_ts1", "prune", "union_add",
    "unpool_k2_s2",
]  # fmt: skip

Load = Callable[[str], Golden]


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32"])
def load(request: pytest.FixtureRequest, shared_dir, device: torch.device) -> Load:
    """Reader of a golden case in the dtype and on the device under test."""
    return lambda name: Golden(shared_dir / "golden" / f"{name}.npz", request.param, device)


def test_every_golden_file_has_a_test(shared_dir) -> None:
    present = {path.stem for path in (shared_dir / "golden").glob("*.npz")}
    assert present == {*CONVOLUTIONS, *POOLINGS, *QUANTISATIONS, *GLOBALS, *OTHERS}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name: str, load: Load) -> None:
    case = load(name)
    features, weight, bias = case.leaf("in_feats"), case.leaf("weight"), case.optional_leaf("bias")
    x = SparseTensor.from_coords(features, case.coords("in_coords"), case.meta["in_tensor_stride"])
    y = convolve(case, x, weight, bias)
    check_rows(case, y)
    check_gradients(case, y, in_feats=features, weight=weight, bias=bias)
    if not case.meta["out_coords_given"] or case.meta["op"].endswith("Transpose"):
        assert list(y.stride) == case.meta["out_tensor_stride"]


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_kernel_map(name: str, load: Load) -> None:
    case = load(name)
    meta = case.meta
    source, source_rows = rowed_map(case.coords("in_coords"), meta["in_tensor_stride"])
    out_stride = [max(t, 1) for t in meta["out_tensor_stride"]]
    target, target_rows = rowed_map(case.coords("out_coords"), out_stride)
    pairs = kernel_map(
        source,
        target,
        meta["kernel_size"],
        meta["dilation"],
        transposed="Transpose" in meta["op"],
        region=region(case),
    )
    m, k = (pairs.table >= 0).nonzero(as_tuple=True)
    triples = torch.stack([k, source_rows[pairs.table[m, k].long()], target_rows[m]], dim=1)
    expected = case.coords("kmap").long()
    assert torch.equal(sort_triples(triples), sort_triples(expected))
    n, k = (pairs.reverse >= 0).nonzero(as_tuple=True)
    triples = torch.stack([k, source_rows[n], target_rows[pairs.reverse[n, k].long()]], dim=1)
    assert torch.equal(sort_triples(triples), sort_triples(expected))


@pytest.mark.parametrize("name", POOLINGS)
def test_pooling(name: str, load: Load) -> None:
    case = load(name)
    pool = {"avg": F.avg_pool, "max": F.max_pool, "sum": F.sum_pool}[name.split("_")[1]]
    features = case.leaf("in_feats")
    y = pool(tensor(case, features), case.meta["kernel_size"], case.meta["stride"])
    assert list(y.stride) == case.meta["out_tensor_stride"]
    check_rows(case, y)
    check_gradients(case, y, in_feats=features)


@pytest.mark.parametrize("name", QUANTISATIONS)
def test_quantisation(name: str, load: Load) -> None:
    case = load(name)
    features = case.leaf("in_feats")
    y = SparseTensor.from_coords(features, case.coords("in_coords"), duplicates=name.split("_")[1])
    check_rows(case, y)
    check_gradients(case, y, in_feats=features)


@pytest.mark.parametrize("name", GLOBALS)
def test_global_pooling(name: str, load: Load) -> None:
    case = load(name)
    pool = {"avg": F.global_avg_pool, "sum": F.global_sum_pool}[name.split("_")[1]]
    features = case.leaf("in_feats")
    y = pool(tensor(case, features))
    assert_near(y, case.values("out_feats"))
    (y * case.values("grad_out")).sum().backward()
    assert_near(features.grad, case.values("grad_in"))


def test_prune(load: Load) -> None:
    case = load("prune")
    features = case.leaf("in_feats")
    coord_map, rows = rowed_map(case.coords("in_coords"))
    mask = torch.from_numpy(case.arrays["mask"]).to(rows.device)[rows]
    y = F.prune(SparseTensor(features[rows], coord_map), mask)
    check_rows(case, y)
    check_gradients(case, y, in_feats=features)


def test_union_add(load: Load) -> None:
    case = load("union_add")
    a, b = case.leaf("in_feats"), case.leaf("in2_feats")
    y = F.union_add(tensor(case, a), SparseTensor.from_coords(b, case.coords("in2_coords")))
    check_rows(case, y)
    check_gradients(case, y, in_feats=a)
    assert_near(b.grad, case.values("grad_in2"), "gradient of the second tensor")


def test_unpool(load: Load) -> None:
    case = load("unpool_k2_s2")
    features = case.leaf("in_feats")
    fine = CoordMap.from_coords(case.coords("out_coords"))
    y = F.unpool(SparseTensor.from_coords(features, case.coords("in_coords"), stride=2), fine)
    check_rows(case, y)
    check_gradients(case, y, in_feats=features)


def test_broadcast_add(load: Load) -> None:
    case = load("broadcast_add")
    features, per_item = case.leaf("in_feats"), case.leaf("glob_feats")
    coord_map, rows = rowed_map(case.coords("in_coords"))
    y = F.broadcast_add(SparseTensor(features[rows], coord_map), per_item)
    assert_near(y.features, case.values("out_feats")[rows])
    (y.features * case.values("grad_out")[rows]).sum().backward()
    assert_near(features.grad, case.values("grad_in"))
    assert_near(per_item.grad, case.values("grad_glob"))


def test_interpolate(load: Load) -> None:
    case = load("interp_ts1")
    features = case.leaf("in_feats")
    points = torch.from_numpy(case.arrays["points"]).to(features.device)
    y = F.interpolate(tensor(case, features), points)
    assert_near(y, case.values("out_feats"))
    (y * case.values("grad_out")).sum().backward()
    assert_near(features.grad, case.values("grad_in"))


def convolve(case: Golden, x: SparseTensor, weight: Tensor, bias: Tensor | None) -> SparseTensor:
    """The layer that the case's metadata describes, applied to x."""
    meta = case.meta
    size, stride, dilation = meta["kernel_size"], meta["stride"], meta["dilation"]
    if "Generative" in meta["op"]:
        return F.generative_conv_transpose(x, weight, bias, size, stride)
    if "Transpose" in meta["op"]:
        recorded = CoordMap.from_coords(case.coords("out_coords"), meta["out_tensor_stride"])
        return F.conv_transpose(x, weight, bias, size, stride, dilation, target=recorded)
    if meta["expand_coordinates"]:
        return F.expanding_conv(x, weight, bias, size, stride, dilation)
    given = CoordMap.from_coords(case.coords("out_coords")) if meta["out_coords_given"] else None
    return F.conv(x, weight, bias, size, stride, dilation, target=given, region=region(case))


def region(case: Golden) -> str:
    return "cross" if case.meta["region"] == "HYPER_CROSS" else "cube"


def tensor(case: Golden, features: Tensor) -> SparseTensor:
    return SparseTensor.from_coords(features, case.coords("in_coords"))


def rowed_map(coords: Tensor, stride: list[int] | int = 1) -> tuple[CoordMap, Tensor]:
    """Set of the coordinates, and for each of its rows the row of coords, int64 [N]."""
    coord_map, rows = CoordMap.from_coords_with_rows(coords, stride)
    return coord_map, rows.argsort()


def sort_triples(triples: Tensor) -> Tensor:
    return triples[lexicographic(triples)]


def check_rows(case: Golden, y: SparseTensor) -> None:
    """Coordinates exactly, features within tolerance, rows sorted."""
    coords, features = sorted_rows(y)
    assert torch.equal(coords, case.coords("out_coords"))
    assert_near(features, case.values("out_feats"), "features")


def check_gradients(case: Golden, y: SparseTensor, **leaves: Tensor | None) -> None:
    """Gradients of sum(out * grad_out) for leaves named as their arrays are."""
    (sorted_rows(y)[1] * case.values("grad_out")).sum().backward()
    for name, leaf in leaves.items():
        if leaf is not None:
            assert_near(leaf.grad, case.values(f"grad_{name.removesuffix('_feats')}"), f"gradient of {name}")
