"""reverse_pairs against loops in torch, what orders make of it, and convolutions over pairs."""

from importlib import import_module

import pytest
import torch
from tests.ops.voxel_sets import canonical, cube, sphere

from completion import ops
from completion.nn import functional as F
from completion.ops import reference
from completion.sparse import CoordMap, KernelMap, SparseTensor, kernel_map
from completion.sparse.kernel_offsets import slots_on


def table_between_strides(size: int, device: torch.device) -> tuple[torch.Tensor, int, tuple[int, ...]]:
    """Table from the cells of stride 2 of a sphere to its voxels, their number, the slots of the kernel."""
    fine = canonical(sphere(9), device)
    coarse, _ = ops.strided_set(fine, (2, 2, 2))
    offsets = cube(size, centred=False)
    return ops.kernel_map(fine, coarse, offsets), len(fine), slots_on(tuple(offsets), (2, 2, 2))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_pairs_are_those_of_the_table(device, size):
    table, rows, slots = table_between_strides(size, device)
    pairs = ops.reverse_pairs(table, rows, slots)
    assert pairs.shape == (rows, {2: 1, 3: 8, 4: 8}[size]) and pairs.dtype == torch.int32
    assert torch.equal(pairs, reference.reverse_pairs(table, rows, slots))
    assert int((pairs >= 0).sum()) == int((table >= 0).sum()), "no pair takes the place of another"


@pytest.mark.parametrize("rows", [0, 1, 300, 20_000])
def test_order_of_pairs_is_that_of_a_sort(device, rows):
    generator = torch.Generator().manual_seed(rows)
    pairs = torch.randint(-40, 64, (rows, 8), dtype=torch.int32, generator=generator).clamp(min=-1).to(device)
    order = ops.row_order(pairs, holds_pairs=True)
    assert order.tolist() == reference.row_order(pairs, holds_pairs=True).tolist()


def test_order_of_pairs_stays_within_windows(device):
    window = 2**20
    pairs = torch.arange(window + 5, 0, -1, dtype=torch.int32, device=device)[:, None] % 64
    order = ops.row_order(pairs, holds_pairs=True)
    assert order[:window].sort().values.tolist() == list(range(window))
    assert order[window:].tolist() == [window + 4, window + 3, window + 2, window + 1, window]


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


def test_opcheck(device):
    table, rows, slots = table_between_strides(3, device)
    torch.library.opcheck(torch.ops.completion.reverse_pairs, (table, rows, list(slots)))
