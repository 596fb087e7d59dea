"""Bits do not depend on the number of threads, and every instruction set keeps the tolerance."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
import torch
from tests.ops.neighbour_tables import tables
from tests.ops.voxel_sets import assert_same, canonical, cube, random_coords, same_bits, sphere

from completion import ops
from completion.sparse.kernel_offsets import slots_on

ROOT = Path(__file__).resolve().parents[2]
# The machine's best set is what all other tests run; these are the ones below it.
CAPABILITIES = ["default", "avx2"]


@pytest.fixture
def restored_threads() -> Iterator[None]:
    """Puts torch's number of threads back after the test."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def batch_norm(features: torch.Tensor) -> list[torch.Tensor]:
    """Statistics, result and gradients of batch normalisation with each activation."""
    ones = torch.ones(features.shape[1], device=features.device)
    running = ones.clone(), ones.clone(), torch.zeros((), dtype=torch.int64, device=features.device)
    statistics = ops.batch_statistics(features, *running, 0.1)
    results = [*statistics, *running]
    for activation in ("none", "relu", "elu", "silu"):
        leaves = [one.clone().requires_grad_() for one in (features, ones, ones)]
        out = ops.batch_norm(*leaves, *statistics, 1e-5, activation, True)
        results += [out.detach(), *torch.autograd.grad(out, leaves, features.flip(0))]
    return results


def layer_norm(features: torch.Tensor) -> list[torch.Tensor]:
    """Result and gradients of layer normalisation."""
    ones = torch.ones(features.shape[1], device=features.device)
    leaves = [one.clone().requires_grad_() for one in (features, ones, ones)]
    out = ops.layer_norm(*leaves, 1e-5)
    return [out.detach(), *torch.autograd.grad(out, leaves, features.flip(0))]


def every_result(device: torch.device) -> list[torch.Tensor]:
    """All operators on sets large enough to be split among threads."""
    generator = torch.Generator().manual_seed(0)
    coords = random_coords(70_000, -24, 24).to(device)
    keys, rows, first = ops.coordinate_set(ops.encode(coords))
    small = canonical(sphere(20), device)
    table = ops.kernel_map(small, small, cube(3))
    reverse = ops.reverse_map(table, small.numel())
    features = torch.randn(small.numel(), 20, generator=generator).to(device)
    weight = torch.randn(27, 20, 36, generator=generator).to(device)
    out = ops.convolution(features, weight, table, reverse)
    few = small[:900]
    few_table = ops.kernel_map(few, few, cube(3))
    few_reverse = ops.reverse_map(few_table, few.numel())
    whole_table, whole_reverse = tables("all offsets, many rows", device)
    whole = torch.randn(whole_reverse.shape[0], 36, generator=generator).to(device)
    whole_grad = torch.randn(whole_table.shape[0], 36, generator=generator).to(device)
    square = torch.randn(whole_table.shape[1], 36, 36, generator=generator).to(device)
    few_features = torch.randn(few.numel(), 64, generator=generator).to(device)
    wide = torch.randn(27, 64, 96, generator=generator).to(device)
    halves = ops.strided_set(small, (2, 2, 2))[0]
    moved = table[:, 9].contiguous(), reverse[:, 9].contiguous()
    values, arg = ops.pool_max(features, table)
    return [
        ops.convolution(few_features, wide, few_table, None),
        ops.convolution(few_features, wide, None, few_reverse, few.numel()),
        keys, rows, first, table, reverse, out,
        *ops.strided_set(keys, (2, 2, 2)), *ops.strided_set(keys, (3, 3, 3)),
        *chain(*ops.pyramid(keys, 1, 6)),
        ops.generative_set(small, cube(4, centred=False)), *ops.union_set(keys, small),
        ops.decode(keys), ops.row_order(table),
        *ops.kernel_pairs(small, halves, cube(3), slots_on(tuple(cube(3)), (2, 2, 2))),
        *ops.selected_set(keys, keys % 3 == 0), ops.inside_box(keys, (-9, -9, -9), (5, 6, 7)),
        ops.child_keys(keys, 8, 1), ops.grid_cells(keys, (-9, -9, -9), (2, 1, 3), (3, 9, 9, 9)),
        *ops.boxed_mask(keys, keys % 3 == 0, 3, (-9, -9, -9), (5, 6, 7)),
        ops.lookup(keys, small),
        ops.convolution(features, weight, None, reverse, small.numel()),
        ops.convolution_grad_weight(features, out, table, reverse),
        ops.convolution_grad_weight(features, out, None, reverse),
        *(ops.convolution(whole.to(dtype), square.to(dtype), None, whole_reverse, whole_table.shape[0])
          for dtype in (torch.float32, torch.bfloat16)),
        ops.convolution(whole_grad, square, whole_reverse, None),
        *(ops.convolution_grad_weight(whole.to(dtype), whole_grad.to(dtype), None, whole_reverse)
          for dtype in (torch.float32, torch.bfloat16)),
        ops.convolution_grad_weight(whole, whole_grad[:, :16].contiguous(), None, whole_reverse),
        ops.convolution_grad_weight(features.bfloat16(), out.bfloat16(), table, reverse),
        ops.pool_sum(features, table, reverse), values, arg,
        torch.ops.completion.pool_max_grad(values, arg, reverse),
        *batch_norm(features), *layer_norm(features),
        ops.take_rows(features, *moved), ops.add_rows(features, *moved, features.flip(0), *moved),
    ]  # fmt: skip


def test_the_same_bits_for_every_number_of_threads_and_in_every_run(
    restored_threads: None, device: torch.device
):
    torch.set_num_threads(1)
    expected = every_result(device)
    for threads in (2, 3):
        torch.set_num_threads(threads)
        for actual, value in zip(every_result(device), expected, strict=True):
            assert_same(actual, value)


# What a process finds in memory that nobody wrote, chosen by the C library and by AddressSanitizer's.
POISONED = (
    "import sys, torch; from tests.ops.test_determinism import every_result\n"
    "byte = int(sys.argv[1])\n"
    "for size in (1000, 1 << 25):\n"
    "    assert torch.empty(size, dtype=torch.uint8)[-500:].eq(byte).all(), 'memory is not poisoned'\n"
    "torch.save(every_result(torch.device('cpu')), sys.argv[2])"
)


def run_python(script: str, *arguments: str, **variables: str) -> None:
    """Runs a script in a process of its own, with these variables set."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}", **variables}
    command = [sys.executable, "-c", script, *arguments]
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator has this setting")
def test_every_element_of_every_result_is_written(tmp_path: Path):
    results = []
    for byte in (0x55, 0xAB):
        saved = tmp_path / f"{byte}.pt"
        options = os.environ.get("ASAN_OPTIONS", "")
        sanitizer = f"{options}:max_malloc_fill_size=1000000000:malloc_fill_byte={byte}"
        perturb = str(byte ^ 0xFF)  # glibc fills with the complement
        run_python(POISONED, str(byte), str(saved), MALLOC_PERTURB_=perturb, ASAN_OPTIONS=sanitizer)
        results.append(torch.load(saved))
    same_bits(*results)  # not values: any byte but zero is true


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_every_instruction_set_against_the_reference(capability: str):
    script = (
        "import torch; from tests.ops.test_convolution import check_against_float64 as check\n"
        "for dtype in (torch.float32, torch.float64):\n"
        "    for channels in ((1, 1), (3, 5), (17, 33), (40, 65)):\n"
        "        check('two sets', channels, dtype, torch.device('cpu'))\n"
        "        for side in ('table', 'reverse'):\n"
        "            check('all offsets', channels, dtype, torch.device('cpu'), [side])"
    )
    run_python(script, ATEN_CPU_CAPABILITY=capability)
