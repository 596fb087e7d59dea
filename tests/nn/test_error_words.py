"""Functions and modules of floor 3 refuse a user's wrong argument in a sentence of one form."""

from collections.abc import Callable

import pytest
import torch
from tests.refusals import refusal

from completion import nn
from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor, kernel_map

META = torch.device("meta")
COORDS = torch.tensor([[0, 0, 0, 0], [0, 2, 0, 0], [1, 2, 2, 2]], dtype=torch.int32)
SET, FINE = CoordMap.from_coords(COORDS, 2), CoordMap.from_coords(COORDS)
TWIN = CoordMap.from_coords(COORDS, 2)
FEATURES = torch.ones(3, 4)
X = SparseTensor(FEATURES, SET)
ON_META = SparseTensor(FEATURES.to(META), SET.to(META))
W1, W8, W27, BIAS, ROW = (torch.ones(1, 4, 5), torch.ones(8, 4, 5), torch.ones(27, 4, 5), torch.ones(5),
                          torch.ones(2, 4))  # fmt: skip
MASK, POINTS = torch.ones(3, dtype=torch.bool), torch.ones(6, 4)

NOT_SPARSE = [None, FEATURES, SET, [X], "x"]
NOT_SETS = [None, COORDS, X, [1]]
OTHER_SETS = [*NOT_SETS, SET.to(META)]
SIZES = [0, -1, 2.0, True, None, "a", (2, 2), (True, 2, 2), torch.tensor(2)]
PHASES, REGIONS = ["middle", None, ["corner"]], ["ball", None, ["cube"]]
NUMBERS = {"kernel_size": SIZES, "stride": SIZES, "dilation": SIZES, "phase": PHASES, "region": REGIONS}
BOXES = [3, "abc", ((0, 0), (1, 1)), ((0.5, 0.5, 0.5), (1, 2, 3)), ((None, 0, 0), (1, 1, 1))]
COUNTS = [0, -1, 2.0, None, "4", True]
EPS = [-1e-5, float("nan"), "a", None]
BIASES = [[1.0], torch.ones(4), BIAS[None], BIAS.to(META), "x", True]
MASKS = [None, [True] * 3, MASK.float(), MASK[:2], MASK[:, None], MASK.to(META)]


def weights(right: torch.Tensor) -> list[object]:
    """Wrong weights in the place of the right one."""
    return [
        None,
        [1],
        right[0],
        right[:, :3],
        torch.cat([right, right]),
        right.int(),
        right.double(),
        right.to(META),
    ]


def kernel(weight: torch.Tensor, **more: list[object]) -> dict[str, list[object]]:
    """Mistakes that all convolutions share, and more."""
    return {"x": NOT_SPARSE, "weight": weights(weight), "bias": BIASES, **NUMBERS, **more}


Call = tuple[Callable[..., object], dict[str, object], dict[str, list[object]]]
FUNCTIONS: dict[str, Call] = {
    "conv": (F.conv, {"x": X, "weight": W27, "bias": BIAS}, kernel(W27, target=[*OTHER_SETS[1:], FINE])),
    "conv, pointwise": (
        F.conv,
        {"x": X, "weight": W1, "bias": BIAS, "kernel_size": 1},
        {"weight": weights(W1), "bias": BIASES},
    ),
    "conv_transpose": (
        F.conv_transpose,
        {"x": X, "weight": W8, "bias": BIAS, "target": FINE},
        kernel(W8, target=[*OTHER_SETS, SET]),
    ),
    "generative_conv_transpose": (
        F.generative_conv_transpose,
        {"x": X, "weight": W8, "bias": BIAS},
        kernel(W8, box=BOXES),
    ),
    "generative_conv_transpose, overlapping": (
        F.generative_conv_transpose,
        {"x": X, "weight": W27, "bias": BIAS, "kernel_size": 3},
        {"weight": weights(W27), "bias": BIASES, "stride": [3, 4]},
    ),
    "expanding_conv": (F.expanding_conv, {"x": X, "weight": W27, "bias": BIAS}, kernel(W27)),
    "apply_map": (
        F.apply_map,
        {"pairs": kernel_map(SET, SET, 3), "features": FEATURES, "weight": W27, "bias": BIAS},
        {
            "pairs": NOT_SETS,
            "features": [None, X, FEATURES[:2], FEATURES.int()],
            "weight": weights(W27),
            "bias": BIASES,
        },
    ),
    **{
        name: (getattr(F, name), {"x": X}, {"x": NOT_SPARSE, "kernel_size": SIZES, "stride": SIZES})
        for name in ("sum_pool", "avg_pool", "max_pool")
    },
    **{
        name: (getattr(F, name), {"x": X}, {"x": NOT_SPARSE})
        for name in ("global_sum_pool", "global_avg_pool", "global_max_pool")
    },
    "group_norm": (
        F.group_norm,
        {"x": X, "num_groups": 2, "weight": ROW[0], "bias": ROW[0]},
        {
            "x": NOT_SPARSE,
            "num_groups": [*COUNTS, 3, 8],
            "weight": [[1], torch.ones(3), ROW, ROW[0].to(META)],
            "bias": [[1], torch.ones(3), ROW, ROW[0].to(META)],
        },
    ),
    "interpolate": (
        F.interpolate,
        {"x": X, "points": POINTS},
        {
            "x": NOT_SPARSE,
            "points": [None, [1], POINTS[0], POINTS[:, :3], POINTS.int(), POINTS.bool(), POINTS.to(META)],
        },
    ),
    **{
        name: (
            getattr(F, name),
            {"x": X, "per_item": ROW},
            {"x": NOT_SPARSE, "per_item": [None, [1], ROW[0], torch.ones(3, 4), ROW.to(META)]},
        )
        for name in ("broadcast_add", "broadcast_multiply", "broadcast_cat")
    },
    "broadcast_add, channels": (F.broadcast_add, {"x": X, "per_item": ROW}, {"per_item": [ROW[:, :3]]}),
    "prune": (F.prune, {"x": X, "mask": MASK}, {"x": NOT_SPARSE, "mask": MASKS}),
    "take": (
        F.take,
        {"x": X, "coord_map": TWIN},
        {"x": NOT_SPARSE, "coord_map": OTHER_SETS, "fill": ["a", None]},
    ),
    "target_mask": (
        F.target_mask,
        {"coord_map": SET, "truth": FINE},
        {"coord_map": NOT_SETS, "truth": OTHER_SETS},
    ),
    "unpool": (F.unpool, {"x": X, "target": FINE}, {"x": NOT_SPARSE, "target": OTHER_SETS}),
    "unpool, upside down": (
        F.unpool,
        {"x": X, "target": FINE},
        {"target": [FINE.strided(3)]},
    ),
}
CHANNELS = {"in_channels": COUNTS, "out_channels": COUNTS}
KERNEL = {
    **CHANNELS,
    "kernel_size": SIZES,
    "stride": SIZES,
    "dilation": SIZES,
    "phase": PHASES,
    "region": REGIONS,
}
WIDTHS = {"in_channels": 4, "out_channels": 5}
POOL = {"kernel_size": SIZES, "stride": [size for size in SIZES if size is not None]}
MODULES: dict[str, Call] = {
    "Conv3d": (nn.Conv3d, WIDTHS, KERNEL),
    "ConvTranspose3d": (nn.ConvTranspose3d, WIDTHS, KERNEL),
    "GenerativeConvTranspose3d": (nn.GenerativeConvTranspose3d, WIDTHS, KERNEL),
    "Linear": (nn.Linear, WIDTHS, CHANNELS),
    "BatchNorm": (
        nn.BatchNorm,
        {"num_channels": 4},
        {"num_channels": COUNTS, "activation": [nn.ReLU(), "relu", torch.nn.ReLU]},
    ),
    "InstanceNorm": (nn.InstanceNorm, {"num_channels": 4}, {"num_channels": COUNTS, "eps": EPS}),
    "LayerNorm": (nn.LayerNorm, {"num_channels": 4}, {"num_channels": COUNTS, "eps": EPS}),
    "GroupNorm": (
        nn.GroupNorm,
        {"num_groups": 2, "num_channels": 4},
        {"num_groups": [*COUNTS, 3, 8], "num_channels": COUNTS},
    ),
    "MaxPool3d": (nn.MaxPool3d, {}, POOL),
    "AvgPool3d": (nn.AvgPool3d, {}, POOL),
    "SumPool3d": (nn.SumPool3d, {}, POOL),
    "Dropout": (nn.Dropout, {}, {"probability": [-0.1, 1.1, None, "a", float("nan")]}),
    "PReLU": (nn.PReLU, {}, {"num_slopes": COUNTS, "slope": ["a", None]}),
    "LeakyReLU": (nn.LeakyReLU, {}, {"slope": ["a", None]}),
    "ELU": (nn.ELU, {}, {"alpha": ["a", None]}),
    "Pointwise": (
        nn.Pointwise,
        {"module": torch.nn.ReLU()},
        {"module": [None, torch.nn.ReLU, torch.relu]},
    ),
    "ResidualBlock": (
        nn.ResidualBlock,
        {"in_channels": 4},
        {"in_channels": COUNTS, "out_channels": [0, -1, 2.0], "activation": [None, nn.ReLU(), "relu"]},
    ),
    "Prune": (
        nn.Prune,
        {"channels": 4},
        {
            "channels": COUNTS,
            "threshold": [0.0, 1.0, None, "a", float("nan"), torch.ones(2)],
            "prior": [0.0, 1.0, "a"],
            "row_budget": [0, -1, 2.5, "a"],
            "min_keep": [-1, None, 1.5, "a"],
            "box": BOXES,
        },
    ),
    "Prune, budget below minimum": (nn.Prune, {"channels": 4, "min_keep": 3}, {"row_budget": [2]}),
    "synchronise_batch_norm": (
        nn.synchronise_batch_norm,
        {"module": nn.BatchNorm(4)},
        {"module": [None, nn.BatchNorm]},
    ),
}
CALLS = {**FUNCTIONS, **MODULES}
MISTAKES = [(name, argument) for name, (_, _, wrong) in CALLS.items() for argument in wrong]


@pytest.mark.parametrize("name", CALLS)
def test_the_good_arguments_are_accepted(name) -> None:
    call, good, _ = CALLS[name]
    call(**good)


@pytest.mark.parametrize(("name", "argument"), MISTAKES)
def test_a_wrong_argument_is_refused(name, argument) -> None:
    call, good, wrong = CALLS[name]
    for value in wrong[argument]:
        parts = refusal(call, **{**good, argument: value})
        if name in MODULES and name != "ResidualBlock":
            assert parts["function"] in (name.split(",")[0], "kernel_offsets")


def test_every_function_is_in_the_table_or_has_a_test_of_its_own() -> None:
    own = {"union_add", "multiply", "cat"}
    assert set(F.__all__) == own | {name.split(",")[0] for name in FUNCTIONS}


@pytest.mark.parametrize("name", ["union_add", "multiply", "cat"])
def test_tensors_that_cannot_be_combined(name) -> None:
    call = getattr(F, name)
    for wrong in [*NOT_SPARSE, ON_META, SparseTensor(FEATURES, FINE)]:
        assert refusal(call, wrong, X)["function"]
        assert refusal(call, X, wrong)["function"]
    assert refusal(call)["argument"] == "tensors"
    if name != "cat":
        assert refusal(call, X, SparseTensor(torch.ones(3, 5), SET))["argument"] == "tensors"


@pytest.mark.parametrize("name", ["multiply", "cat"])
def test_sets_and_fill_that_are_not_stated(name) -> None:
    call = getattr(F, name)
    assert refusal(call, X, SparseTensor(FEATURES, TWIN))["argument"] == "tensors"
    for on in ("both", None):
        assert refusal(call, X, X, on=on)["argument"] == "on"
    for more in ({"on": "union"}, {"fill": 1.0}, {"on": "union", "fill": "a"}):
        assert refusal(call, X, X, **more)["argument"] == "fill"


FORWARD = {
    "Conv3d": nn.Conv3d(4, 5),
    "GenerativeConvTranspose3d": nn.GenerativeConvTranspose3d(4, 5),
    "BatchNorm": nn.BatchNorm(4),
    "GroupNorm": nn.GroupNorm(2, 4),
    "InstanceNorm": nn.InstanceNorm(4),
    "LayerNorm": nn.LayerNorm(4),
    "PReLU": nn.PReLU(4),
    "Linear": nn.Linear(4, 5),
    "ResidualBlock": nn.ResidualBlock(4),
    "Prune": nn.Prune(4),
}


@pytest.mark.parametrize("name", FORWARD)
def test_a_module_refuses_what_it_was_not_made_for(name) -> None:
    module = FORWARD[name]
    for wrong in [*NOT_SPARSE, SparseTensor(torch.ones(3, 3), SET)]:
        refusal(module, wrong)
    refusal(module, ON_META)
    if "Group" not in name and "Instance" not in name:  # float32 scales serve every dtype
        refusal(module, X.to(torch.float64))


@pytest.mark.parametrize(
    "make", [nn.ReLU, nn.Dropout, nn.MaxPool3d, nn.GlobalAvgPool, nn.Interpolate, nn.BroadcastAdd]
)
def test_a_module_without_parameters_refuses_what_is_not_sparse(make) -> None:
    more = {nn.Interpolate: [POINTS], nn.BroadcastAdd: [ROW]}.get(make, [])
    for wrong in NOT_SPARSE:
        refusal(make(), wrong, *more)


def test_a_transposed_module_without_a_set() -> None:
    for wrong in NOT_SETS:
        assert refusal(nn.ConvTranspose3d(4, 5), X, wrong)["argument"] == "target"
        assert refusal(nn.Unpool(), X, wrong)["argument"] == "target"


def test_prune_refuses_a_truth_or_a_policy_that_is_none() -> None:
    prune = nn.Prune(4)
    for wrong in [*NOT_SETS[1:], SET.to(META)]:
        refusal(prune, X, wrong)
    refusal(prune, SparseTensor(FEATURES, FINE), SET)  # a coarser truth
    assert refusal(prune, X, FINE, None)["argument"] == "policy"
    for policy in (lambda c: None, lambda c: c.predicted[:1], lambda c: c.predicted.float()):
        assert refusal(prune, X, FINE, policy)["argument"] == "policy's result"
