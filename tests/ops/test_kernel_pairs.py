"""kernel_pairs against loops in torch, and convolutions over pairs."""

from importlib import import_module

import pytest
import torch
from tests.ops.voxel_sets import assert_same, canonical, cube, sphere

from completion import ops
from completion.nn import functional as F
from completion.ops import reference
from completion.sparse import CoordMap, KernelMap, SparseTensor, kernel_map
from completion.sparse.kernel_offsets import slots_on


def two_strides(radius: int, size: int, device: torch.device) -> tuple:
    """Voxels of a sphere, their cells of stride 2, the offsets of a kernel and their slots."""
    fine = canonical(sphere(radius), device)
    coarse, _ = ops.strided_set(fine, (2, 2, 2))
    offsets = cube(size, centred=False)
    return fine, coarse, offsets, slots_on(tuple(offsets), (2, 2, 2))


@pytest.mark.parametrize("radius", [1, 9, 40])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_pairs_are_those_of_the_table_in_order(device, size, radius):
    fine, coarse, offsets, slots = two_strides(radius, size, device)
    made = ops.kernel_pairs(fine, coarse, offsets, slots)
    pairs = made[0]
    assert pairs.shape == (len(fine), {1: 1, 2: 1, 3: 8, 4: 8}[size])
    assert_same(made, reference.kernel_pairs(fine, coarse, offsets, slots))
    table = ops.kernel_map(fine, coarse, offsets)
    assert int((pairs >= 0).sum()) == int((table >= 0).sum()), "no pair takes the place of another"


@pytest.mark.parametrize("dilation", [1, 3, 70])
def test_pairs_of_sets_that_are_no_hierarchy(device, dilation):
    """Voxels that no target reaches, targets on a larger unit than their stride, offsets that reach far."""
    generator = torch.Generator().manual_seed(dilation)
    space = torch.randint(-80, 80, (5000, 3), dtype=torch.int32, generator=generator)
    fine = canonical(torch.nn.functional.pad(space, (1, 0)), device)
    coarse = canonical(torch.nn.functional.pad(space // 8 * 8, (1, 0)), device)
    offsets = [dilation * value for value in cube(3, centred=True)]
    slots = slots_on(tuple(offsets), (4, 4, 4))
    made = ops.kernel_pairs(fine, coarse, offsets, slots)
    assert_same(made, reference.kernel_pairs(fine, coarse, offsets, slots))


def test_slots_whose_offsets_differ_by_a_brick(device):
    """Of stride 8, offsets 0 and 12 share a slot; both lead from some voxels to multiples of 4."""
    axis = torch.arange(-12, 12, dtype=torch.int32)
    fine = canonical(torch.nn.functional.pad(torch.cartesian_prod(axis, axis, axis), (1, 0)), device)
    coarse, _ = ops.strided_set(fine, (8, 8, 8))
    offsets = [value for x in range(0, 15, 3) for value in (x, 0, 0)]
    slots = slots_on(tuple(offsets), (8, 8, 8))
    assert slots[0] == slots[4]
    made = ops.kernel_pairs(fine, coarse, offsets, slots)
    assert_same(made, reference.kernel_pairs(fine, coarse, offsets, slots))


def test_no_rows_and_no_targets(device):
    fine, coarse, offsets, slots = two_strides(2, 3, device)
    pairs, order, kept = ops.kernel_pairs(fine[:0], coarse, offsets, slots)
    assert pairs.shape == (0, 8) and order.shape == (0,) and kept.tolist() == list(slots)
    pairs, order, _ = ops.kernel_pairs(fine, coarse[:0], offsets, slots)
    assert (pairs == -1).all() and order.tolist() == list(range(len(fine)))


def test_order_of_pairs_stays_within_windows(device):
    """Rows x = 0, 1, 2 …: odd ones have the higher offset and come after all even ones of a window."""
    window, batches = 2**20, 33
    line = torch.arange(2**15, dtype=torch.int32, device=device)
    rows = [torch.stack([torch.full_like(line, b), line, 0 * line, 0 * line], 1) for b in range(batches)]
    fine = ops.encode(torch.cat(rows))
    fine, _, _ = ops.coordinate_set(fine)
    coarse, _ = ops.strided_set(fine, (2, 2, 2))
    _, order, _ = ops.kernel_pairs(fine, coarse, [0, 0, 0, 1, 0, 0], [0, 0])
    assert order[: window // 2].tolist() == list(range(0, window, 2))
    assert order[window // 2 : window].tolist() == list(range(1, window, 2))
    assert order[window:].sort().values.tolist() == list(range(window, len(fine)))


def test_slots_of_offsets_that_meet_differ():
    offsets = tuple(cube(4, centred=False))
    slots = slots_on(offsets, (2, 2, 2))
    sites = [offsets[i : i + 3] for i in range(0, len(offsets), 3)]
    for one, (site, slot) in enumerate(zip(sites, slots, strict=True)):
        for other in range(one):
            meet = all((a - b) % 2 == 0 for a, b in zip(site, sites[other], strict=True))
            assert not (meet and slot == slots[other])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("size", "channels"), [(2, 8), (3, 16), (4, 5)])
def test_layers_over_pairs_give_what_tables_give(device, monkeypatch, size, channels, dtype):
    """On the CPU pairs are only handed through: there the test is that they are made and placed rightly."""
    coords = sphere(7).to(device)

    def run() -> list[torch.Tensor]:
        fine = CoordMap.from_coords(coords, batch_size=1)
        generator = torch.Generator().manual_seed(0)
        x, up, down = (
            torch.randn(shape, generator=generator).to(device, dtype).requires_grad_()
            for shape in (
                (fine.num_rows, channels),
                (size**3, channels, channels),
                (size**3, channels, channels),
            )
        )
        coarse = F.conv(SparseTensor(x, fine), down, None, size, 2)
        back = F.conv_transpose(coarse, up, None, size, 2, target=fine)
        return [back.features, *torch.autograd.grad(back.features.float().square().sum(), (x, up, down))]

    monkeypatch.setattr(KernelMap, "is_cuda", property(lambda pairs: True))
    paired = run()
    # The package's attribute of that name is the function.
    monkeypatch.setattr(import_module("completion.sparse.kernel_map"), "_slots_between", lambda *given: ())
    bound = 0.02 if dtype == torch.bfloat16 else 1e-5
    for one, other in zip(paired, run(), strict=True):
        error = (one.double() - other.double()).abs().max()
        assert error <= bound * other.double().abs().max()


def test_a_map_between_strides_has_pairs_and_one_within_a_set_has_none(device, monkeypatch):
    monkeypatch.setattr(KernelMap, "is_cuda", property(lambda pairs: True))
    fine = CoordMap.from_coords(sphere(5).to(device), batch_size=1)
    coarse = fine.strided(2)
    down, up = kernel_map(fine, coarse, 2), kernel_map(coarse, fine, 2, transposed=True)
    assert down.pairs[0] is None and down.pairs[1] is up.pairs[0] and up.pairs[1] is None
    assert up.sides[0] is None and up.sides[1] is down.sides[0]
    assert kernel_map(fine, fine, 3).pairs == (None, None)


def test_the_reverse_of_a_grown_set_is_a_function_that_makes_it(device, monkeypatch):
    """On the CPU, and without a gradient, it is made at once: no product there does without."""
    if device.type == "cpu":
        monkeypatch.setattr(KernelMap, "is_cuda", property(lambda pairs: True))
    coarse = CoordMap.from_coords(sphere(5).to(device), batch_size=1)
    fine = coarse.strided(2).generated(3, 2)
    up = kernel_map(coarse.strided(2), fine, 3, transposed=True)
    table, later = up.sides
    assert table is None and callable(later)
    made = []

    def reverse() -> torch.Tensor:
        made.append(later())
        return made[-1]

    x = torch.rand(up.num_source, 8, device=device, requires_grad=True)
    weight = torch.rand(27, 8, 8, device=device, requires_grad=True)
    helpers = (up.orders[0], None, up.pairs[0], None, up.slots)
    one = ops.convolution(x, weight, None, reverse, fine.num_rows, *helpers)
    assert len(made) == 1
    if device.type == "cuda":  # where nothing asks for a gradient the reverse is not asked for
        ops.convolution(x.detach(), weight.detach(), None, reverse, fine.num_rows, *helpers)
        with torch.no_grad():
            ops.convolution(x, weight, None, reverse, fine.num_rows, *helpers)
        assert len(made) == 1
        with pytest.raises(ValueError, match="reverse must have K"):
            ops.convolution(x, weight, None, lambda: later()[:, :5], fine.num_rows, *helpers)
    other = ops.convolution(x, weight, None, up.reverse, fine.num_rows, *helpers)
    assert torch.equal(one, other)
    for first, second in zip(*(torch.autograd.grad(y.sum(), (x, weight)) for y in (one, other)), strict=True):
        assert torch.equal(first, second)


def test_without_a_gradient_pairs_alone_are_made(device, monkeypatch):
    monkeypatch.setattr(KernelMap, "is_cuda", property(lambda pairs: True))
    fine = CoordMap.from_coords(sphere(5).to(device), batch_size=1)
    coarse = fine.strided(2)
    with torch.no_grad():
        up = kernel_map(coarse, fine, 3, transposed=True)
        assert up.pairs[0] is not None and up.orders[0] is not None and up.slots is not None
        assert up.sides == (None, None)
    assert up.sides[0] is None and torch.equal(up.sides[1], ops.kernel_map(fine.keys, coarse.keys, cube(3)))


def test_without_a_gradient_the_sums_have_the_same_bits(device):
    fine = CoordMap.from_coords(sphere(9).to(device), batch_size=1)
    coarse = fine.strided(2)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(coarse.num_rows, 16, generator=generator).to(device)
    weight = torch.randn(27, 16, 16, generator=generator).to(device).requires_grad_()

    def run() -> torch.Tensor:
        return F.conv_transpose(
            SparseTensor(x, CoordMap(coarse.keys, coarse.stride, 1)), weight, None, 3, 2, target=fine
        ).features

    with torch.no_grad():
        alone = run()
    assert torch.equal(alone, run())


def test_opcheck(device):
    fine, coarse, offsets, slots = two_strides(3, 3, device)
    torch.library.opcheck(torch.ops.completion.kernel_pairs, (fine, coarse, offsets, list(slots)))
