"""Order, phase, region and limits of kernel offsets."""

import pytest

from completion.sparse.kernel_offsets import kernel_offsets, mirrored_order
from completion.sparse.strides import triple


def sites(*arguments, **named) -> list[tuple[int, ...]]:
    flat = kernel_offsets(*arguments, **named)
    return [flat[i : i + 3] for i in range(0, len(flat), 3)]


def test_first_axis_runs_fastest() -> None:
    three = sites((3, 3, 3))
    assert three[:2] == [(-1, -1, -1), (0, -1, -1)]
    assert three[13] == (0, 0, 0) and three[26] == (1, 1, 1)
    two = sites((2, 2, 2))
    assert (two[0], two[1], two[2], two[4], two[7]) == ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1))


def test_parity_is_decided_per_axis() -> None:
    assert sites((3, 2, 1)) == [(-1, 0, 0), (0, 0, 0), (1, 0, 0), (-1, 1, 0), (0, 1, 0), (1, 1, 0)]


def test_offsets_scale_with_dilation_and_stride() -> None:
    assert sites((3, 1, 1), (2, 1, 1), (4, 1, 1)) == [(-8, 0, 0), (0, 0, 0), (8, 0, 0)]


@pytest.mark.parametrize(
    ("size", "phase", "expected"),
    [
        (2, "corner", [0, 1]),
        (2, "centered", [0, 1]),
        (4, "corner", [0, 1, 2, 3]),
        (4, "centered", [-1, 0, 1, 2]),
        (6, "centered", [-2, -1, 0, 1, 2, 3]),
        (3, "corner", [-1, 0, 1]),
        (3, "centered", [-1, 0, 1]),
    ],
)
def test_phase_anchors_even_sizes(size, phase, expected) -> None:
    assert [x for x, _, _ in sites((size, 1, 1), phase=phase)] == expected


def test_cross_holds_centre_then_axes() -> None:
    assert sites((3, 3, 3), region="cross") == [
        (0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1),
    ]  # fmt: skip
    assert [x for x, _, _ in sites((5, 1, 1), region="cross")] == [0, 1, 2, -2, -1]


@pytest.mark.parametrize(
    "arguments", [((3, 3, 3),), ((5, 1, 3),), ((5, 5, 5), (1, 1, 1), (1, 1, 1), "corner", "cross")]
)
def test_mirrored_order_finds_the_opposite(arguments) -> None:
    order = mirrored_order(kernel_offsets(*arguments))
    found = sites(*arguments)
    assert order is not None
    assert all(found[order[k]] == tuple(-c for c in site) for k, site in enumerate(found))


def test_even_kernels_have_no_mirror() -> None:
    assert mirrored_order(kernel_offsets((2, 3, 3))) is None


def test_errors_name_argument_value_and_remedy() -> None:
    with pytest.raises(ValueError, match=r'phase must be "corner" or "centered", got \'middle\'; choose one'):
        kernel_offsets((3, 3, 3), phase="middle")
    with pytest.raises(ValueError, match=r"region must be .* got 'ball'"):
        kernel_offsets((3, 3, 3), region="ball")
    with pytest.raises(ValueError, match=r"kernel_size must be odd for a cross, got \(2, 3, 3\)"):
        kernel_offsets((2, 3, 3), region="cross")
    with pytest.raises(ValueError, match=r"at most 343 offsets, got \(9, 9, 9\) with 729"):
        kernel_offsets((9, 9, 9))


@pytest.mark.parametrize("value", [0, -1, (1, 2), (1, 2, 0), 1.5, "3"])
def test_triple_refuses_what_is_not_three_positive_ints(value) -> None:
    with pytest.raises(ValueError, match=r"conv: stride must be a positive int or three of them, got"):
        triple("conv", "stride", value)
