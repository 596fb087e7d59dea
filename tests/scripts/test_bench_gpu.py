"""The GPU's benches as far as a machine without one can run them: the same code on the CPU, by its clock."""

import json
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def bench_on_the_path(monkeypatch):
    """The scripts find their parts beside themselves."""
    monkeypatch.syspath_prepend(str(SCRIPTS))


@pytest.fixture
def small_surfaces(monkeypatch):
    """Surfaces of 16³ whatever resolution is asked for."""
    from bench import gpu_data

    made = gpu_data.surfaces
    monkeypatch.setattr(gpu_data, "surfaces", lambda resolution, items: made(16, items))
    gpu_data.in_order.cache_clear()
    yield
    gpu_data.in_order.cache_clear()


def bench(peers):
    from bench.gpu_bench import Bench
    from bench.gpu_timing import WallClock
    from bench.precision import PRECISIONS

    return Bench(peers, dict.fromkeys(PRECISIONS, 1e11), 1e10, 0.001, "cpu", WallClock())


def test_every_case_runs_and_is_right(small_surfaces, monkeypatch):
    from bench import gpu_bench
    from bench.cases import gpu_cases
    from bench.libraries import gather_mm, product_alone

    monkeypatch.setattr(gpu_bench, "MOST_SETS", 2)
    measured = bench([gather_mm, product_alone])
    for case in {(case.operation, case.precision): case for case in gpu_cases()}.values():
        few = tuple(8 if type(value) is int and value >= 16 else value for value in case.arguments)
        record = measured.measure(replace(case, rows=300, arguments=few))
        assert "failed" not in record, record
        assert record["failed_peers"] == {} and record["median_ms"] > 0
        assert 0 < record["floor_ms"] < 1e3
        if case.call in ("map3", "subm3", "grown") and case.sorted:
            assert record["errors"]


def test_a_wrong_layer_is_not_timed(small_surfaces, monkeypatch):
    from bench import agreement, gpu_bench
    from bench.cases import gpu_cases

    case = next(case for case in gpu_cases() if case.call == "subm3" and case.precision == "float32")
    right = agreement.F.conv

    def wrong(x, weight):
        y = right(x, weight)
        return y.replace(y.features * torch.where(torch.arange(y.num_rows) == 5, 1.1, 1.0)[:, None])

    monkeypatch.setattr(agreement.F, "conv", wrong)
    monkeypatch.setattr(gpu_bench.Bench, "_warmed", lambda *_: pytest.fail("timed"))
    record = bench([]).measure(replace(case, rows=300, arguments=(8, *case.arguments[1:])))
    assert "relative errors" in record["failed"] and record["errors"]["output"] > 1e-3


def test_a_peer_that_fails_costs_its_cell_alone(small_surfaces):
    from bench.cases import gpu_cases

    def refuse(*_):
        raise RuntimeError("no kernel\nfor this")

    peer = SimpleNamespace(__name__="bench.libraries.broken", map3=refuse, forget_tuning=refuse)
    record = bench([peer]).measure(replace(next(gpu_cases()), rows=300))
    assert record["median_ms"] > 0 and record["peers"] == {}
    assert record["failed_peers"] == {name: "RuntimeError: no kernel" for name in ("tuning", "broken")}


def test_operands_take_turns_and_warming_does_not_count():
    from bench.gpu_timing import ROUNDS, Timed

    class Clock:
        now = 0.0

        def stamp(self):
            return self.now

        def between(self, first, last):
            return last - first

        def wait(self):
            pass

    clock, order = Clock(), []

    def run(index):
        order.append(index)
        clock.now += 100.0 if len(order) <= 4 else 2.0

    timed = Timed([lambda: run(0), lambda: run(1)], clock, 0.0)
    assert order == [0, 1, 0, 1]
    for _ in range(ROUNDS):
        timed.round()
    assert order == [0, 1] * 5 and timed.times().milliseconds == (2.0,) * ROUNDS


def test_parents_are_cells_of_stride_2_and_sets_have_the_size_asked_for(small_surfaces):
    from bench import gpu_data
    from completion.sparse import CoordMap

    data = gpu_data.parents(200)
    fine = CoordMap.from_coords(data.coords, batch_size=data.batch_size)
    assert fine.strided(2).num_rows == len(data.coords) == 200
    assert torch.equal(fine.coords, data.coords)  # in canonical order
    shuffled = gpu_data.voxels(200, shuffled=True).coords
    assert not torch.equal(shuffled, gpu_data.voxels(200).coords)
    assert torch.equal(CoordMap.from_coords(shuffled).coords, gpu_data.voxels(200).coords)


def test_counts_of_a_trace():
    from bench.gpu_counts import Counts, count_events

    events = [
        {"cat": "kernel", "name": "a"},
        {"cat": "kernel", "name": "Memcpy-like DtoH"},
        {"cat": "gpu_memcpy", "name": "Memcpy DtoH (Device -> Pageable)"},
        {"cat": "gpu_memcpy", "name": "Memcpy DtoD (Device -> Device)"},
        {"cat": "gpu_memset", "name": "Memset (Device)"},
        {"cat": "cuda_runtime", "name": "cudaStreamSynchronize"},
        {"cat": "cuda_runtime", "name": "cudaLaunchKernel"},
        {"ph": "M", "name": "process_name"},
    ]
    assert count_events(events) == Counts(kernels=2, memsets=1, host_reads=1, waits=1)


def test_goals_take_the_fastest_way_of_a_peer():
    from bench.goals_gpu import GPU_GOALS, holds, judged, reached

    peers = {
        "spconv_gpu": {"ratio": 5.0},
        "spconv_gpu_native": {"ratio": 2.5},
        "gather_mm": {"ratio": 1.0},
    }
    case = {
        "operation": "generative k4 s2, map fresh, forward+backward",
        "channels": 64,
        "precision": "float16",
        "median_ms": 1.0,
        "fraction_of_floor": 0.5,
        "peers": peers,
    }
    goal = next(goal for goal in GPU_GOALS if goal.operation.startswith("generative k4"))
    assert reached(goal, case) == 2.5 and not holds(goal, 2.5)
    failed = {key: case[key] for key in ("operation", "channels", "precision")}
    record = {"cases": [case, failed], "launches": [], "reads": [], "memory": []}
    assert list(judged(record)) == ["generative k4 s2, map fresh: spconv ≥ 3: 0 of 2 cases, worst 2.50"]


def test_tf32_is_switched_back():
    from bench.precision import PRECISIONS, switched_to

    constants = SimpleNamespace(SPCONV_ALLOW_TF32=False)
    before = torch.backends.cuda.matmul.allow_tf32
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "spconv.constants", constants)
        with switched_to(PRECISIONS["tf32"]):
            assert torch.backends.cuda.matmul.allow_tf32 and constants.SPCONV_ALLOW_TF32
    assert torch.backends.cuda.matmul.allow_tf32 == before and not constants.SPCONV_ALLOW_TF32


def test_one_map_serves_both_directions_per_offset():
    from bench import per_offset
    from completion import ops

    table = torch.tensor([[0, 1], [2, -1]], dtype=torch.int32)  # of a layer down, the reverse of one up again
    x, weight = torch.randn(3, 4), torch.randn(2, 4, 4)

    def there_and_back(convolution):
        down = convolution(x, weight, table, None)
        return down, convolution(down, weight, None, table, 3)

    for one, other in zip(
        there_and_back(per_offset.convolution), there_and_back(ops.convolution), strict=True
    ):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("as_on_cuda", [False, True])
def test_convolution_per_offset_is_ours(monkeypatch, as_on_cuda):
    """Given sides as the CPU wants them, and as CUDA does, where some are made behind the product."""
    from bench import per_offset
    from bench.inputs import surfaces
    from bench.steps import MODELS, Loss
    from completion.sparse import KernelMap

    torch.manual_seed(0)
    loss = Loss(MODELS["minkowski"](16), surfaces(16, 2))
    ours = loss()
    if as_on_cuda:
        monkeypatch.setattr(KernelMap, "is_cuda", property(lambda pairs: True))
    with per_offset.installed():
        torch.testing.assert_close(loss(), ours)
    assert loss.candidates[-1] > 500


def test_steps_are_measured_beside_a_baseline():
    from bench.gpu_steps import Steps
    from bench.gpu_timing import WallClock
    from bench.inputs import surfaces

    record = Steps("default", "bfloat16", surfaces(16, 2), 0.01, WallClock()).measure(
        ["per_offset", "spconv"]
    )
    assert record["samples_per_s"] > 0 and record["peers"]["per_offset"]["ratio"] > 0
    assert record["peers"]["per_offset"]["candidates"] == record["candidates"]
    assert set(record["peers"]) | set(record["failed_peers"]) == {"per_offset", "spconv"}


def test_parts_are_the_operators_own():
    from bench.gpu_steps import by_operator

    cpu, cuda = torch.autograd.DeviceType.CPU, torch.autograd.DeviceType.CUDA
    rows = [
        SimpleNamespace(key="completion::convolution", device_type=cpu, self_device_time_total=2000.0),
        SimpleNamespace(key="aten::mm", device_type=cpu, self_device_time_total=500.0),
        SimpleNamespace(key="cudaLaunchKernel", device_type=cpu, self_device_time_total=9.0),
        SimpleNamespace(key="sm90_gemm", device_type=cuda, self_device_time_total=500.0),
    ]
    parts = {"completion::convolution": 2.0, "aten::mm": 0.5, "others": 0.0, "all": 2.5}
    assert by_operator(rows) == parts


def test_the_profiler_has_what_is_read_of_it():
    from bench.gpu_counts import count_events, trace_of
    from bench.gpu_steps import by_operator

    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        torch.ones(3) + 1
    assert by_operator(profiler.key_averages())["all"] == 0
    assert vars(count_events(trace_of(profiler))) == dict.fromkeys(
        ("kernels", "memsets", "host_reads", "waits"), 0
    )


def test_layers_and_levels_that_are_counted_run(monkeypatch):
    from bench import gpu_levels
    from bench.gpu_counts import Counts
    from bench.inputs import surfaces

    data = surfaces(16, 2)
    monkeypatch.setattr(gpu_levels, "counted", lambda run: (run(), Counts(1, 0, 0, 0))[1])
    monkeypatch.setattr(gpu_levels, "peak_bytes", lambda run: run().features.nbytes)
    names = [row["operation"] for row in (*gpu_levels.launches(data), *gpu_levels.reads(data))]
    assert "sub-manifold 3³, map fresh" in names and "coordinates: union" in names
    for row in gpu_levels.memory(data, channels=8):
        features = 2 * 8 * row["voxels"]  # float16
        assert row["peak_bytes"] == features and row["allowed_bytes"] >= features + 16 * row["voxels"]


def test_a_record_is_replaced_whole(tmp_path):
    from bench.records import write

    for number in (1, 2):
        write({"cases": [number]}, tmp_path / "results" / "ops.json")
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["ops.json"]
    assert '"cases": [\n  2\n ]' in (tmp_path / "results" / "ops.json").read_text()


@pytest.fixture
def no_gpu_needed(monkeypatch):
    """What only a GPU can tell, made up."""
    from bench import gpu_machine

    monkeypatch.setattr(gpu_machine, "describe", lambda: {"gpu": "none", "commit": "unknown"})
    monkeypatch.setattr(gpu_machine, "product_rates", lambda: {"float32": 1e11, "float16": 1e11})
    monkeypatch.setattr(gpu_machine, "copy_bandwidth", lambda: 1e10)


def test_the_record_grows_case_by_case_within_the_budget(
    small_surfaces, no_gpu_needed, monkeypatch, tmp_path, capsys
):
    from bench import gpu_run
    from bench.cases import GpuCase

    made = [GpuCase("coordinates + map 3³, cold", "map3", (), rows=n, sorted=False) for n in (100, 200, 300)]
    monkeypatch.setattr(gpu_run, "gpu_cases", lambda: iter(made))
    monkeypatch.setattr(gpu_run, "Bench", lambda peers, *_: bench(peers))
    monkeypatch.setattr(gpu_run, "count", lambda *_: None)
    times = iter([0.0, 1.0, 2.0, 99.0, 100.0])
    monkeypatch.setattr(gpu_run.time, "monotonic", lambda: next(times))
    path = tmp_path / "ops.json"
    gpu_run.run(
        Namespace(
            peers=True,
            only="",
            channels=None,
            dtypes=None,
            seconds=0.001,
            budget=95.0,
            commit="abc",
            json=path,
        )
    )
    record = json.loads(path.read_text())
    assert record["machine"]["commit"] == "abc" and record["machine"]["tflops"]["float32"] == 0.1
    assert [case["voxels"] for case in record["cases"]] == [100, 200]
    assert "stopped after 95 s" in capsys.readouterr().out


def test_the_record_of_steps(no_gpu_needed, monkeypatch, tmp_path, capsys):
    from bench import gpu_steps
    from bench.gpu_timing import WallClock

    monkeypatch.setattr(gpu_steps, "DEVICE", "cpu")
    monkeypatch.setattr(gpu_steps, "CudaClock", WallClock)
    path = tmp_path / "step.json"
    gpu_steps.run(
        Namespace(
            resolutions=[16], batch_size=1, models=["default"], precisions=["float32"], peers=False,
            seconds=0.01, budget=90.0, commit="", json=path,
        )
    )  # fmt: skip
    (step,) = json.loads(path.read_text())["steps"]
    assert step["model"] == "default" and step["median_ms"] > 0
    assert "samples/s" in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU: what they say without one")
@pytest.mark.parametrize("script", ["bench_ops", "bench_step"])
def test_without_a_gpu_the_scripts_say_so(script):
    command = [sys.executable, str(SCRIPTS / f"{script}.py"), "--device", "cuda"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert f"{script}: torch must see an NVIDIA GPU" in result.stderr
