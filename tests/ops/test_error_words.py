"""Every operator refuses every wrong argument at the Python edge, in a sentence of one form."""

import re

import pytest
import torch
from tests import refusals
from tests.ops.voxel_sets import assert_same

from completion import ops

KEYS = ops.encode(torch.tensor([[0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0]], dtype=torch.int32))
TABLE = ops.kernel_map(KEYS, KEYS, [0, 0, 0, 1, 0, 0])
REVERSE = ops.reverse_map(TABLE, 3)
ROWS = torch.tensor([2, -1, 0], dtype=torch.int32)
ORDER = torch.tensor([2, 0, 1], dtype=torch.int32)
X, G = torch.randn(3, 4), torch.randn(3, 5)
COLUMN = torch.ones(4)

GOOD = {
    "encode": {"coords": ops.decode(KEYS)},
    "decode": {"keys": KEYS},
    "inside_box": {"keys": KEYS, "low": (0, 0, 0), "high": (2, 2, 2)},
    "coordinate_set": {"keys": KEYS.flip(0)},
    "strided_set": {"keys": KEYS, "stride": (2, 2, 2)},
    "pyramid": {"keys": KEYS, "stride": 1, "num_levels": 2},
    "child_keys": {"keys": KEYS, "num_children": 8, "step": 1},
    "generative_set": {"keys": KEYS, "offsets": [0, 0, 0, 1, 0, 0]},
    "union_set": {"a": KEYS[:2], "b": KEYS[1:]},
    "selected_set": {"keys": KEYS, "mask": torch.tensor([True, False, True])},
    "grid_cells": {"keys": KEYS, "origin": (0, 0, 0), "step": (1, 1, 1), "shape": (1, 2, 2, 2)},
    "boxed_mask": {
        **{"keys": KEYS, "mask": torch.tensor([True, False, True])},
        **{"batch_size": 1, "low": (0, 0, 0), "high": (2, 2, 2)},
    },
    "lookup": {"keys": KEYS, "queries": KEYS.flip(0)},
    "kernel_map": {"source_keys": KEYS, "target_keys": KEYS, "offsets": [0, 0, 0]},
    "reverse_map": {"table": TABLE, "num_source": 3},
    "row_order": {"table": TABLE},
    "kernel_pairs": {
        "source_keys": KEYS,
        "target_keys": KEYS,
        "offsets": [0, 0, 0, 1, 0, 0],
        "slots": [0, 1],
    },
    "convolution": {
        **{"features": X, "weight": torch.randn(2, 4, 5), "table": TABLE, "reverse": REVERSE},
        **{"order": ORDER, "reverse_order": ORDER, "pairs": TABLE, "reverse_pairs": TABLE, "slots": ROWS[:2]},
    },
    "convolution_grad_weight": {"features": X, "grad": G, "table": TABLE, "reverse": REVERSE},
    "pool_sum": {"features": X, "table": TABLE, "reverse": REVERSE},
    "pool_max": {"features": X, "table": TABLE},
    "batch_statistics": {
        **{"features": X, "running_mean": torch.ones(4), "running_variance": torch.ones(4)},  # it moves them
        **{"num_batches": torch.tensor(0), "momentum": 0.1},
    },
    "batch_norm": {
        **{"features": X, "weight": COLUMN, "bias": COLUMN, "mean": COLUMN, "variance": COLUMN},
        **{"eps": 1e-5, "activation": "elu", "of_batch": False},
    },
    "layer_norm": {"features": X, "weight": COLUMN, "bias": COLUMN, "eps": 1e-5},
    "take_rows": {"features": X, "rows": ROWS, "inverse": ROWS},
    "add_rows": {
        **{"first": X, "first_rows": ROWS, "first_inverse": ROWS},
        **{"second": X, "second_rows": ROWS, "second_inverse": ROWS},
    },
}
MAY_BE_NONE = {
    "convolution": ("table", "reverse", "order", "reverse_order", "pairs", "reverse_pairs"),
    "convolution_grad_weight": ("table", "reverse"),
}
SIZED_BY_VALUES = {"coordinate_set", "strided_set", "pyramid", "generative_set", "union_set", "selected_set"}
TENSORS = [
    (name, key) for name, good in GOOD.items() for key, value in good.items() if torch.is_tensor(value)
]


def wrong_tensors(name: str, right: torch.Tensor) -> dict[str, object]:
    """What no operator takes for this tensor, by kind of mistake."""
    wrong = {
        "None": None,
        "list": right.tolist(),
        "array": right.numpy(),
        "bool": right.byte() if right.dtype == torch.bool else right.bool(),
        "other integer": right.short(),
        "complex": right.to(torch.complex64),
        "an axis more": right[None],
        "no axis": right.flatten()[0] if right.ndim else None,
        "sparse layout": right.to_sparse(),
    }
    others = sum(torch.is_tensor(value) for value in GOOD[name].values()) > 1
    return wrong | ({"meta": right.to("meta")} if others or name in SIZED_BY_VALUES else {})


def refusal(name: str, **changed: object) -> re.Match[str]:
    """Parts of the sentence with which the operator refuses its good arguments with these changed."""
    parts = refusals.refusal(getattr(ops, name), **{**GOOD[name], **changed})
    assert parts["function"] == name
    return parts


def test_every_operator_is_in_the_table() -> None:
    assert set(GOOD) == set(ops.__all__)


@pytest.mark.parametrize(("name", "argument"), TENSORS)
def test_a_wrong_tensor_is_refused(name, argument) -> None:
    for kind, value in wrong_tensors(name, GOOD[name][argument]).items():
        if kind == "None" and argument in MAY_BE_NONE.get(name, ()):
            continue
        named = refusal(name, **{argument: value})["argument"]
        # Where devices differ, the argument named is the one that does not follow the first.
        assert named == argument or kind == "meta", (kind, named)


@pytest.mark.parametrize(
    ("name", "changed", "argument"),
    [
        ("encode", {"coords": torch.zeros(2, 3, dtype=torch.int32)}, "coords"),
        ("encode", {"coords": torch.tensor([[0, 0, 32768, 0]], dtype=torch.int32)}, "coords"),
        ("encode", {"coords": torch.tensor([[-1, 0, 0, 0]], dtype=torch.int32)}, "coords"),
        ("encode", {"coords": torch.tensor([[65536, 0, 0, 0]], dtype=torch.int32)}, "coords"),
        ("convolution", {"weight": torch.randn(2, 3, 5)}, "weight"),
        ("convolution", {"weight": torch.randn(3, 4, 5)}, "weight"),
        ("convolution", {"weight": torch.randn(2, 4, 5).double()}, "weight"),
        ("convolution", {"features": X.int()}, "features"),
        ("convolution", {"reverse": REVERSE[:2]}, "reverse"),
        ("convolution", {"table": None, "reverse": None}, "table"),
        ("convolution", {"order": ORDER[:2]}, "order"),
        ("convolution", {"pairs": TABLE[:2]}, "pairs"),
        ("convolution", {"reverse_pairs": TABLE[:2]}, "reverse_pairs"),
        ("convolution", {"slots": ROWS}, "slots"),
        ("convolution", {"pairs": TABLE[:, :0]}, "pairs"),
        ("convolution", {"slots": None, "pairs": None}, "slots"),
        ("kernel_pairs", {"slots": [0]}, "slots"),
        ("kernel_pairs", {"slots": [0, 32]}, "slots"),
        ("convolution", {"pairs": torch.full((3, 33), -1).int()}, "pairs"),
        ("kernel_pairs", {"slots": [0, 1.0]}, "slots"),
        ("kernel_pairs", {"slots": None}, "slots"),
        (
            "convolution",
            {"weight": torch.randn(65, 4, 5), "reverse": None, "table": torch.full((3, 65), -1).int()},
            "pairs",
        ),
        ("kernel_pairs", {"offsets": [0, 0, 0] * 65, "slots": [0] * 65}, "offsets"),
        ("convolution", {"reverse_order": ORDER[:2]}, "reverse_order"),
        ("convolution", {"table": None, "num_target": 3, "symmetric": True}, "symmetric"),
        ("convolution", {"symmetric": 1}, "symmetric"),
        ("convolution", {"opposite": None}, "opposite"),
        ("convolution", {"table": TABLE[:2], "order": None, "pairs": None, "symmetric": True}, "symmetric"),
        ("convolution", {"table": None}, "table"),
        ("convolution", {"table": None, "num_target": -1}, "num_target"),
        ("convolution_grad_weight", {"table": None, "reverse": None}, "table"),
        ("convolution", {"reverse": REVERSE[:, :1]}, "reverse"),
        ("convolution_grad_weight", {"grad": G[:2]}, "grad"),
        ("convolution_grad_weight", {"grad": G.double()}, "grad"),
        ("convolution_grad_weight", {"reverse": REVERSE[:2]}, "reverse"),
        ("pool_sum", {"reverse": REVERSE[:2]}, "reverse"),
        ("pool_sum", {"reverse": REVERSE[:, :1]}, "reverse"),
        ("take_rows", {"inverse": ROWS[:2]}, "inverse"),
        ("pyramid", {"stride": 3}, "stride"),
        ("pyramid", {"stride": 0}, "stride"),
        ("pyramid", {"stride": 32768}, "stride"),
        ("pyramid", {"stride": 2.0}, "stride"),
        ("pyramid", {"num_levels": 0}, "num_levels"),
        ("pyramid", {"num_levels": 16}, "num_levels"),
        ("pyramid", {"stride": 4, "num_levels": 14}, "num_levels"),
        ("batch_statistics", {"features": X[:1]}, "features"),
        ("batch_statistics", {"running_mean": COLUMN[:3]}, "running_mean"),
        ("batch_statistics", {"running_variance": COLUMN[:3]}, "running_variance"),
        ("batch_statistics", {"num_batches": torch.tensor(0, dtype=torch.int32)}, "num_batches"),
        ("batch_statistics", {"momentum": "much"}, "momentum"),
        ("batch_norm", {"weight": COLUMN[:3]}, "weight"),
        ("batch_norm", {"bias": COLUMN[:3]}, "bias"),
        ("batch_norm", {"mean": COLUMN[:3]}, "mean"),
        ("batch_norm", {"variance": COLUMN[:3]}, "variance"),
        ("batch_norm", {"eps": None}, "eps"),
        ("batch_norm", {"activation": "gelu"}, "activation"),
        ("batch_norm", {"activation": ["elu"]}, "activation"),
        ("batch_norm", {"of_batch": 1}, "of_batch"),
        ("layer_norm", {"weight": COLUMN[:3]}, "weight"),
        ("layer_norm", {"bias": COLUMN[:3]}, "bias"),
        ("layer_norm", {"eps": None}, "eps"),
        ("add_rows", {"second": X.double()}, "second"),
        ("add_rows", {"second": X[:, :1]}, "second"),
        ("add_rows", {"second_rows": ROWS[:2]}, "second_rows"),
        ("add_rows", {"first_inverse": ROWS[:2]}, "first_inverse"),
        ("add_rows", {"second_inverse": ROWS[:2]}, "second_inverse"),
        ("selected_set", {"mask": torch.ones(2, dtype=torch.bool)}, "mask"),
        ("selected_set", {"num_selected": 4}, "num_selected"),
        ("selected_set", {"num_selected": -1}, "num_selected"),
        ("inside_box", {"low": (0, 0)}, "low"),
        ("boxed_mask", {"mask": torch.ones(2, dtype=torch.bool)}, "mask"),
        ("boxed_mask", {"batch_size": -1}, "batch_size"),
        ("boxed_mask", {"batch_size": 1.0}, "batch_size"),
        ("boxed_mask", {"low": (0, 0)}, "low"),
        ("boxed_mask", {"high": None}, "high"),
        ("grid_cells", {"origin": (0, 0)}, "origin"),
        ("grid_cells", {"origin": (0, 0, 2**63)}, "origin"),
        ("grid_cells", {"step": (1, 1, 0)}, "step"),
        ("grid_cells", {"step": (1, 1, 2.0)}, "step"),
        ("grid_cells", {"shape": (2, 2, 2)}, "shape"),
        ("grid_cells", {"shape": (1, -2, 2, 2)}, "shape"),
        ("grid_cells", {"shape": (2, 2048, 1024, 1024)}, "shape"),
        ("child_keys", {"num_children": 6}, "num_children"),
        ("child_keys", {"num_children": 2**40}, "keys"),
        ("child_keys", {"step": 0}, "step"),
        ("child_keys", {"step": 2.0}, "step"),
        ("inside_box", {"high": (0, 0, 0.5)}, "high"),
        ("lookup", {"keys": torch.empty(2**31, dtype=torch.int64, device="meta")}, "keys"),
    ],
)
def test_what_does_not_fit_is_refused(name, changed, argument) -> None:
    if name == "lookup":
        changed = {**changed, "queries": changed["keys"]}
    assert refusal(name, **changed)["argument"] == argument


@pytest.mark.parametrize("stride", [None, 2, "abc", (2, 2), (0, 2, 2), (-1, 2, 2), (2.0, 2, 2), (2**40,) * 3])
def test_a_wrong_stride_is_refused(stride) -> None:
    refusal("strided_set", stride=stride)


@pytest.mark.parametrize("name", ["generative_set", "kernel_map", "kernel_pairs"])
@pytest.mark.parametrize("offsets", [None, 2, "abc", [1, 2], [0.5, 0, 0], [[0, 0, 0]], range(1032)], ids=repr)
def test_wrong_offsets_are_refused(name, offsets) -> None:
    assert refusal(name, offsets=offsets)["argument"] == "offsets"


@pytest.mark.parametrize("number", [None, -1, 2.5, "3", [3], True, 2**31])
def test_a_wrong_number_of_rows_is_refused(number) -> None:
    assert refusal("reverse_map", num_source=number)["argument"] == "num_source"


def test_what_leaves_the_range_is_refused() -> None:
    last = ops.encode(torch.tensor([[0, 32767, 0, 0]], dtype=torch.int32))
    first = ops.encode(torch.tensor([[0, 0, -32768, 0]], dtype=torch.int32))
    assert refusal("generative_set", keys=last)["argument"] == "children"
    assert refusal("strided_set", keys=first, stride=(3, 3, 3))["argument"] == "parents"


@pytest.mark.parametrize(("name", "argument"), TENSORS)
def test_non_contiguous_tensors_are_as_good(name, argument) -> None:
    value = GOOD[name][argument]
    if value.ndim == 0:
        return  # has one layout
    apart = torch.stack([value, torch.zeros_like(value)], dim=-1)[..., 0]
    assert not apart.is_contiguous()
    assert_same(getattr(ops, name)(**{**GOOD[name], argument: apart}), getattr(ops, name)(**GOOD[name]))


def test_refusals_do_not_depend_on_the_rows_there_are() -> None:
    """No voxel, the case in which a check that looks at values sees none."""
    none = KEYS[:0]
    assert refusal("kernel_map", source_keys=none, target_keys=none.int())["argument"] == "target_keys"
    assert refusal("encode", coords=torch.zeros(0, 3, dtype=torch.int32))["argument"] == "coords"
