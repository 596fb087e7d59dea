"""Sets, sparse tensors, grids and maps refuse a user's wrong argument in a sentence of one form."""

from collections.abc import Callable

import pytest
import torch
from tests.refusals import refusal

from completion import sparse
from completion.sparse import CoordMap, SparseTensor

META = torch.device("meta")
COORDS = torch.tensor([[0, 0, 0, 0], [0, 2, 0, 0], [1, 2, 2, 2]], dtype=torch.int32)
SET = CoordMap.from_coords(COORDS, 2)
FINE = CoordMap.from_coords(COORDS)
FEATURES = torch.ones(3, 4)
X = SparseTensor(FEATURES, SET)
GRID = torch.ones(2, 4, 4, 4, 4)
MASK = torch.ones(3, dtype=torch.bool)

SIZES = [0, -1, 2.0, True, None, "a", "abc", b"\2\2\2", (2, 2), (True, 2, 2), [[2], 2, 2], torch.tensor(2)]
PHASES, REGIONS = ["middle", None, 3, ["corner"]], ["ball", None, ["cube"]]
BOXES = [3, "abc", ((0, 0), (1, 1)), ((0.5, 0.5, 0.5), (1, 2, 3)), ((None, 0, 0), (1, 1, 1))]
NOT_SETS = [None, COORDS, X, [1]]
OTHER_SETS = [*NOT_SETS, SET.to(META)]
TRIPLES = [None, 0, (0, 0), (0.5, 0, 0), "abc"]
NOT_FEATURES = [None, FEATURES.tolist(), FEATURES[0], FEATURES[:2], FEATURES.to(META)]
NOT_FLOATING = [FEATURES.int(), FEATURES.bool(), FEATURES.to(torch.complex64)]
MASKS = [None, [True] * 3, MASK.float(), MASK.long(), MASK[:2], MASK[:, None], MASK.to(META)]
NOT_COORDS = [None, COORDS.tolist(), COORDS.numpy(), COORDS.long(), COORDS.float(), COORDS[:, :3], COORDS[0]]
WRONG_COORDS = [COORDS[[0, 0, 1]], COORDS + 32768, COORDS - 1, COORDS + 1, COORDS.to(META)]
CELLS = [None, torch.ones(2, 4, 4, 4), torch.ones(4, 4, 4, dtype=torch.bool), [1]]
ONES = torch.ones(2, 4, 4, 4, dtype=torch.bool)
UNLIKE_MASKS = [ONES[:1], ONES[:, :3], ONES[:, :, :2], ONES[..., :1], torch.cat([ONES, ONES]), ONES.to(META)]

Call = tuple[Callable[..., object], dict[str, object], dict[str, list[object]]]
CALLS: dict[str, Call] = {
    "CoordMap.from_coords": (
        CoordMap.from_coords,
        {"coords": COORDS, "stride": 2},
        {
            "coords": [*NOT_COORDS, *WRONG_COORDS],
            "stride": [*SIZES, 4, 2**40],
            "batch_size": [-1, 1, 2.5, "3", True],
            "duplicates": ["mean", None],
        },
    ),
    "SparseTensor": (
        SparseTensor,
        {"features": FEATURES, "coord_map": SET},
        {"features": [*NOT_FEATURES, *NOT_FLOATING], "coord_map": NOT_SETS},
    ),
    "SparseTensor.from_coords": (
        SparseTensor.from_coords,
        {"features": FEATURES, "coords": COORDS},
        {
            "features": [*NOT_FEATURES, *NOT_FLOATING],
            "coords": NOT_COORDS,
            "stride": SIZES,
            "duplicates": ["min", None],
        },
    ),
    "SparseTensor.replace": (X.replace, {"features": FEATURES}, {"features": NOT_FEATURES}),
    "SparseTensor.to": (X.to, {}, {"dtype": [torch.int32]}),
    "CoordMap.strided": (SET.strided, {"stride": 2}, {"stride": [*SIZES, 2**40]}),
    "CoordMap.at_stride": (SET.at_stride, {"stride": 4}, {"stride": [*SIZES, 3]}),
    "CoordMap.generated": (
        SET.generated,
        {"kernel_size": 2, "stride": 2},
        {
            "kernel_size": [*SIZES, 9],
            "stride": [*SIZES, 3],
            "phase": PHASES,
            "box": BOXES,
            "dilation": SIZES,
            "region": REGIONS,
        },
    ),
    "CoordMap.expanded": (
        SET.expanded,
        {"kernel_size": 3},
        {"kernel_size": SIZES, "stride": SIZES, "dilation": SIZES, "phase": PHASES, "region": REGIONS},
    ),
    "CoordMap.pruned": (SET.pruned, {"mask": MASK}, {"mask": MASKS}),
    "CoordMap.boxed": (SET.boxed, {"box": ((0, 0, 0), (1, 1, 1))}, {"box": [*BOXES, None]}),
    "CoordMap.inside": (SET.inside, {"box": ((0, 0, 0), (1, 1, 1))}, {"box": [*BOXES, None]}),
    "CoordMap.union": (SET.union, {"other": SET}, {"other": [*OTHER_SETS, FINE]}),
    "CoordMap.intersection": (SET.intersection, {"other": SET}, {"other": [*OTHER_SETS, FINE]}),
    "CoordMap.rows_of": (SET.rows_of, {"other": SET}, {"other": [*OTHER_SETS, FINE]}),
    "CoordMap.contains": (SET.contains, {"other": SET}, {"other": [*OTHER_SETS, FINE]}),
    "CoordMap.parent_rows": (FINE.parent_rows, {"coarse": SET}, {"coarse": OTHER_SETS}),
    "CoordMap.parent_rows, finer": (SET.parent_rows, {"coarse": SET}, {"coarse": [FINE]}),
    "CoordMap.to": (SET.to, {"device": "cpu"}, {"device": ["nowhere", "cuda:99", torch.float32]}),
    "SparseTensor.dense": (
        X.dense,
        {"origin": (0, 0, 0), "shape": (4, 4, 4)},
        {"origin": [*TRIPLES, (1, 0, 0)], "shape": [*TRIPLES, (-1, 4, 4), (1, 1, 1)]},
    ),
    "dense_grid": (
        sparse.dense_grid,
        {"features": FEATURES, "coord_map": SET, "origin": (0, 0, 0), "shape": (4, 4, 4)},
        {"features": NOT_FEATURES, "coord_map": NOT_SETS},
    ),
    "grid_rows": (
        sparse.grid_rows,
        {"grid": GRID, "coord_map": SET, "origin": (0, 0, 0)},
        {
            "grid": [None, GRID[0], GRID.int(), GRID.to(META)],
            "coord_map": NOT_SETS,
            "origin": [*TRIPLES, (1, 0, 0)],
        },
    ),
    "grid_coord_map": (
        sparse.grid_coord_map,
        {"batch_size": 2, "origin": (0, 0, 0), "shape": (4, 4, 4), "stride": 2},
        {
            "batch_size": [-1, None, "2", 1.5, True],
            "origin": [*TRIPLES, (1, 0, 0), (40000, 0, 0), (2**70, 0, 0), (0, 0, -(2**40))],
            "shape": [*TRIPLES, (-1, 4, 4), (2048, 2048, 512), (2**40, 1, 1)],
            "stride": [*SIZES, 2**40, 2**62, 2**70],
            "mask": [*CELLS[1:], *UNLIKE_MASKS],
            "device": ["nowhere", torch.float32],
        },
    ),
    "from_dense": (
        sparse.from_dense,
        {"grid": GRID, "origin": (0, 0, 0), "stride": 2},
        {
            "grid": [None, [1], GRID[0], GRID.int(), GRID.to(META)],
            "origin": TRIPLES,
            "stride": SIZES,
            "mask": [*CELLS[1:], *UNLIKE_MASKS],
        },
    ),
    "kernel_map": (
        sparse.kernel_map,
        {"source": SET, "target": SET, "kernel_size": 3},
        {
            "source": OTHER_SETS,
            "target": OTHER_SETS,
            "kernel_size": [*SIZES, 9],
            "dilation": SIZES,
            "phase": PHASES,
            "region": REGIONS,
        },
    ),
    "kernel_map, cross": (
        sparse.kernel_map,
        {"source": SET, "target": SET, "kernel_size": 3, "region": "cross"},
        {"kernel_size": [2]},
    ),
    "cell_map": (
        sparse.cell_map,
        {"source": FINE, "target": SET},
        {"source": OTHER_SETS, "target": OTHER_SETS},
    ),
    "cell_map, finer": (sparse.cell_map, {"source": SET, "target": SET}, {"target": [FINE]}),
    "kernel_offsets": (
        sparse.kernel_offsets,
        {"kernel_size": 3},
        {"kernel_size": SIZES, "dilation": SIZES, "stride": SIZES, "phase": PHASES, "region": REGIONS},
    ),
}
MISTAKES = [(name, argument) for name, (_, _, wrong) in CALLS.items() for argument in wrong]


@pytest.mark.parametrize("name", CALLS)
def test_the_good_arguments_are_accepted(name) -> None:
    call, good, _ = CALLS[name]
    call(**good)


@pytest.mark.parametrize(("name", "argument"), MISTAKES)
def test_a_wrong_argument_is_refused(name, argument) -> None:
    call, good, wrong = CALLS[name]
    for value in wrong[argument]:
        refusal(call, **{**good, argument: value})


def test_the_sentence_names_function_and_argument() -> None:
    parts = refusal(SET.pruned, MASK.float())
    assert parts["function"] == "CoordMap.pruned" and parts["argument"] == "mask"
    parts = refusal(SET.union, FEATURES)
    assert parts["function"] == "CoordMap.union" and parts["argument"] == "other"
    parts = refusal(SparseTensor, FEATURES.int(), SET)
    assert parts["function"] == "SparseTensor" and parts["argument"] == "features"


def test_a_set_as_a_whole_box_of_tensors_is_accepted() -> None:
    """Numbers that are integers by another name are no mistake."""
    corners = torch.tensor([[0, 0, 0], [2, 2, 2]])
    assert torch.equal(SET.inside(corners), SET.inside(((0, 0, 0), (2, 2, 2))))
    assert torch.equal(X.dense(torch.tensor([0, 0, 0]), (4, 4, 4)), X.dense((0, 0, 0), (4, 4, 4)))
