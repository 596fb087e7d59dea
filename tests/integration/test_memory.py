"""Training on ever new coordinates keeps no memory: neither the process nor python's own objects grow."""

import ctypes
import gc
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from completion import nn
from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor, kernel_map

MIB = 2**20
WARM_UP = 100
# Measured on x86-64 with glibc 2.36 and torch 2.13: 0.5 MiB more after 900 iterations, with one thread and
# three, 0.6 KiB an iteration; one set and its tables kept in each iteration grow by 0.7 MiB each time.
MOST_GROWTH = 4 * MIB


@dataclass(frozen=True)
class Alive:
    """Resident bytes of the process, and how many sets and tensors python holds."""

    resident: int
    sets: int
    tensors: int


class Net(torch.nn.Module):
    """Encoder of two levels, generative decoder with the union of the encoder's features, learnable prune."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Conv3d(1, 8), nn.BatchNorm(8), nn.ReLU())
        self.down = nn.Sequential(nn.Conv3d(8, 16, 2, 2), nn.GroupNorm(2, 16), nn.ReLU(), nn.Conv3d(16, 16))
        self.up = nn.GenerativeConvTranspose3d(16, 8)
        self.body = nn.ResidualBlock(8)
        self.prune = nn.Prune(8, row_budget=400)

    def forward(self, x: SparseTensor, truth: CoordMap) -> torch.Tensor:
        fine = self.enter(x)
        made = self.body(F.union_add(self.up(self.down(fine)), fine))
        kept, level = self.prune(made, truth)
        target = level.target.float()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(level.logits, target)
        return loss + 0.01 * F.global_avg_pool(kept).square().mean()


def random_set(generator: torch.Generator) -> CoordMap:
    """400 of the voxels of two cubes of 12 voxels, fewer where they coincide."""
    space = torch.randint(-6, 6, (400, 3), generator=generator, dtype=torch.int32)
    batch = torch.randint(0, 2, (400, 1), generator=generator, dtype=torch.int32)
    return CoordMap.from_coords(torch.cat([batch, space], dim=1), 1, 2, duplicates="first")


def measured(iterations: int, after_each: Callable[[CoordMap], None]) -> tuple[Alive, Alive]:
    """What is alive after the warm-up and after so many iterations more, each on coordinates of its own."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    net = Net()
    optimiser = torch.optim.AdamW(net.parameters())
    counts = []
    for number in (WARM_UP, iterations):
        for _ in range(number):
            voxels = random_set(generator)
            x = SparseTensor(torch.ones(voxels.num_rows, 1), voxels)
            optimiser.zero_grad()
            net(x, random_set(generator)).backward()
            optimiser.step()
            after_each(voxels)
        del voxels, x
        counts.append(alive())
    return counts[0], counts[1]


def alive() -> Alive:
    """Counts after all garbage went and glibc gave back what is free."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    found = [type(one) for one in gc.get_objects()]
    tensors = sum(issubclass(kind, torch.Tensor) for kind in found)
    return Alive(pages * os.sysconf("SC_PAGE_SIZE"), found.count(CoordMap), tensors)


def test_a_thousand_iterations_on_new_coordinates_keep_nothing() -> None:
    before, after = measured(900, lambda voxels: None)
    assert after.sets == before.sets
    assert after.tensors == before.tensors
    assert after.resident - before.resident <= MOST_GROWTH


def test_one_set_and_its_table_kept_per_iteration_are_noticed() -> None:
    kept = []
    before, after = measured(50, lambda voxels: kept.append((voxels, kernel_map(voxels, voxels, 3))))
    assert after.sets - before.sets >= 50
    assert after.tensors - before.tensors >= 50
    assert after.resident - before.resident > MOST_GROWTH
