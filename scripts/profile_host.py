#!/usr/bin/env python
"""Tells what the host needs to queue small layers, which on a GPU wait for it: medians in microseconds.

    scripts/profile_host.py                 # on a GPU
    scripts/profile_host.py --device cpu    # without one: a few rows, and the choices that CUDA makes

"One thread" is the backward pass on the thread that asks for it, where autograd has one for each GPU.
"Operators" are those of torch and of the engine that a step queues, less those that only look at a tensor.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from statistics import median

import torch
from torch.utils._python_dispatch import TorchDispatchMode

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench.gpu_data import parents, voxels
from bench.gpu_timing import backward_here
from bench.inputs import surfaces
from bench.libraries import ours, product_alone
from bench.steps import Loss, training_step
from bench.timing import Run
from completion.models import CompletionModel, CompletionNet, MinkowskiNet, TruthOnly
from completion.nn.functional import generative, products
from completion.sparse import KernelMap

ROWS = {"cpu": 4, "cuda": 3000}
CHANNELS = {"cpu": 8, "cuda": 64}
STEP_ROWS = {"cpu": 20, "cuda": 4096}  # at most, of an item
REPEATS = 500  # of a layer; a step takes a hundred times as long
NETWORKS: dict[str, Callable[[], CompletionModel]] = {  # so narrow that arithmetic is nothing
    "me_completion's": lambda: MinkowskiNet(32, channels=(2,) * 7, policy=TruthOnly()),
    "the default network's": lambda: CompletionNet(32, channels=(2,) * 4, policy=TruthOnly()),
}


def main() -> None:
    """Prints a line for each run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=tuple(ROWS), default="cuda")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("profile_host: torch must see an NVIDIA GPU, got none; say --device cpu")
    if arguments.repeats < 1:
        raise SystemExit(f"profile_host: --repeats must be at least 1, got {arguments.repeats}; repeat once")
    if arguments.device == "cpu":
        choose_as_cuda()
        torch.set_num_threads(1)
    for line in lines(arguments.device, arguments.repeats):
        print(line, flush=True)


def choose_as_cuda() -> None:
    """Makes this process choose on the CPU as on a GPU: tables and pairs, torch's products."""
    KernelMap.is_cuda = property(lambda _: True)  # pyright: ignore[reportAttributeAccessIssue]
    for module in (products, generative):
        module.dense_product = lambda function, features, weight: features @ weight


def lines(device: str, repeats: int) -> Iterator[str]:
    """Name and microseconds of each run."""
    for name, run in layers(device).items():
        yield f"{name:<50} {microseconds(run, device, repeats):9.1f}"
        if device == "cuda":
            alone = microseconds(run, device, repeats, one_thread=True)
            yield f"{name + ', one thread':<50} {alone:9.1f}"
    if device == "cuda":
        for name, run in bare(device).items():
            yield f"{name:<50} {microseconds(run, device, repeats):9.1f}"
    for name, network in NETWORKS.items():
        step = small_step(network(), device)
        taken = microseconds(step, device, repeats // 20 + 1)
        yield f"{f'training step of {name} layers':<50} {taken:9.1f}"
        yield f"{'its operators':<50} {operators(step):9d}"


def layers(device: str) -> dict[str, Run]:
    """Single layers, and what torch itself needs for the product of one."""
    rows, channels, kind = ROWS[device], CHANNELS[device], torch.float32
    cells, few = parents(rows).to(device), voxels(rows).to(device)
    alone = product_alone.grown(cells, 2, channels, kind)
    assert alone is not None
    return {
        "generative k2 s2, map fresh, forward": ours.grown(cells, 2, channels, kind, False),
        "generative k2 s2, map fresh, forward + backward": ours.grown(cells, 2, channels, kind),
        "its product in plain torch, forward + backward": alone,
        "sub-manifold 3³, map cached, forward": ours.subm3(few, channels, kind, False, False),
        "sub-manifold 3³, map cached, forward + backward": ours.subm3(few, channels, kind, True, False),
    }


def bare(device: str) -> dict[str, Run]:
    """What layers are made of."""
    one = torch.zeros(1, device=device)
    return {
        "a new tensor": lambda: torch.empty(1, device=device),
        "a kernel": lambda: one.add_(1),
        "a number read": one.item,
    }


def small_step(model: CompletionModel, device: str) -> Run:
    """A training step in bfloat16 on two surfaces, on a CPU on a few voxels of them."""
    torch.manual_seed(0)
    data = surfaces(32, 2)
    items = data.coords.split(data.coords[:, 0].bincount().tolist())
    data = data._replace(coords=torch.cat([item[: STEP_ROWS[device]] for item in items])).to(device)
    return training_step(Loss(model.to(device), data, torch.bfloat16), model.parameters())


def operators(run: Run) -> int:
    """How many operators a run queues."""

    class Count(TorchDispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.number = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.number += not func.is_view and "empty" not in func.name() and "profiler" not in func.name()
            return func(*args, **(kwargs or {}))

    with Count() as count:
        run()
    return count.number


def microseconds(run: Run, device: str, repeats: int, one_thread: bool = False) -> float:
    """Median of what the host needs for a run; the device is done before each."""
    wait: Callable[[], object] = torch.cuda.synchronize if device == "cuda" else lambda: None
    taken = []
    with backward_here() if one_thread else nullcontext():
        for repeat in range(3 + repeats):
            wait()
            started = time.perf_counter()
            run()
            if repeat >= 3:  # the first fill caches
                taken.append(time.perf_counter() - started)
    return 1e6 * median(taken)


if __name__ == "__main__":
    main()
