"""Sparse tensors and modules across processes: workers of a DataLoader, and DistributedDataParallel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.sparse.voxels import random_coords
from tests.tolerances import assert_near
from torch.utils.data import DataLoader, Dataset

from completion import nn
from completion.nn import functional as F
from completion.sparse import SparseTensor

ROOT = Path(__file__).resolve().parents[2]


class Voxelised(Dataset):
    """Items that are convolved sparse tensors: the engine runs inside the worker."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> SparseTensor:
        coords = random_coords(index, number=3000, spread=12)
        x = SparseTensor.from_coords(torch.ones(coords.shape[0], 1), coords, batch_size=2)
        return F.conv(x, torch.ones(27, 1, 1))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_make_convolve_and_send_sparse_tensors(method: str) -> None:
    """Also forked from a process whose own threads have run, which may not deadlock."""
    expected = [Voxelised()[index] for index in range(6)]
    loader = DataLoader(
        Voxelised(), batch_size=None, num_workers=2, multiprocessing_context=method, timeout=60
    )
    for actual, x in zip(loader, expected, strict=True):
        assert torch.equal(actual.coords, x.coords) and torch.equal(actual.features, x.features)
        assert actual.coord_map.strided(2).num_rows == x.coord_map.strided(2).num_rows


def network() -> nn.Sequential:
    """Down, normalise, grow: every kind of layer with weights; float64, as gradients cancel in a norm."""
    torch.manual_seed(0)
    layers = [
        nn.Conv3d(2, 4), nn.BatchNorm(4), nn.ReLU(), nn.Conv3d(4, 4, 2, 2),
        nn.BatchNorm(4, activation=nn.SiLU), nn.GenerativeConvTranspose3d(4, 3), nn.GroupNorm(1, 3),
    ]  # fmt: skip
    return nn.Sequential(*layers).double()


def item(batch: int) -> SparseTensor:
    """One batch item of its own size; item 1 has no voxel at all."""
    coords = random_coords(batch, number=(40, 0, 70)[batch], batch_size=1)
    generator = torch.Generator().manual_seed(batch)
    return SparseTensor.from_coords(
        torch.randn(coords.shape[0], 2, generator=generator, dtype=torch.float64), coords, batch_size=1
    )


def loss(y: SparseTensor) -> torch.Tensor:
    return (y.features * torch.linspace(-1, 1, 3, dtype=torch.float64)).tanh().sum()


def train_one_process(rank: int, folder: Path, num_processes: int, port: int) -> None:
    """One step of DistributedDataParallel with synchronised statistics; leaves its gradients in a file."""
    store = torch.distributed.TCPStore("127.0.0.1", port)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=num_processes)
    synchronised = nn.synchronise_batch_norm(network())
    # The search for unused parameters must find the features in the SparseTensor that the network returns.
    model = torch.nn.parallel.DistributedDataParallel(synchronised, find_unused_parameters=True)
    for _ in range(2):
        model.zero_grad()
        loss(model(item(rank))).backward()
    gradients = {name: p.grad for name, p in synchronised.named_parameters()}
    torch.save((gradients, dict(synchronised.named_buffers())), folder / f"{rank}.pt")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def test_distributed_training_equals_one_process_with_the_whole_batch(tmp_path: Path) -> None:
    """Three processes, one of them without a voxel: gradients (which DDP averages) and running statistics."""
    script = "import sys; from tests.integration.test_processes import *; " + (
        "train_one_process(int(sys.argv[1]), Path(sys.argv[2]), 3, int(sys.argv[3]))"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
    command = [sys.executable, "-W", "ignore", "-c", script]
    # Kept here, where it outlives every rank: a store that dies with one of them can hang the others' end.
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    processes = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path), str(store.port)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(3)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    alone = network()
    items = [item(rank) for rank in range(3)]
    shifted = [x.coords + torch.tensor([b, 0, 0, 0], dtype=torch.int32) for b, x in enumerate(items)]
    whole = SparseTensor.from_coords(torch.cat([x.features for x in items]), torch.cat(shifted), batch_size=3)
    for _ in range(2):
        alone.zero_grad()
        loss(alone(whole)).backward()
    for rank in range(3):
        gradients, buffers = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for name, parameter in alone.named_parameters():
            assert_near(3 * gradients[name], parameter.grad, name)
        for name, buffer in alone.named_buffers():
            assert_near(buffers[name].double(), buffer, name)
