"""bench_step.py on a GPU: steps by precision beside two baselines, their memory, and where the time goes."""

import gc
import json
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from bench import gpu_machine, per_offset, records
from bench.goals_gpu import STEP_GOALS
from bench.gpu_bench import reason
from bench.gpu_counts import count_events, trace_of
from bench.gpu_timing import ROUNDS, Clock, CudaClock, Timed
from bench.inputs import Surfaces, surfaces
from bench.libraries import spconv_gpu, spconv_net
from bench.precision import PRECISIONS, switched_to
from bench.steps import HALF, MODELS, Loss, training_step

Record = dict[str, Any]
DEVICE = "cuda"
NOT_OPERATORS = ("cuda", "cu", "Activity", "Command", "Buffer")  # what the profiler lists beside them
PARTS = 14  # listed


def run(arguments: Namespace) -> None:
    """Runs what the command line asks for; the JSON file is whole after each network and precision."""
    started = time.monotonic()
    about = gpu_machine.describe() | ({"commit": arguments.commit} if arguments.commit else {})
    print(json.dumps(about), flush=True)
    record: Record = {"machine": about, "steps": []}
    for resolution in arguments.resolutions:
        data = surfaces(resolution, arguments.batch_size).to(DEVICE)
        for name in arguments.models:
            for precision in arguments.precisions:
                if time.monotonic() - started > arguments.budget:
                    print(f"stopped after {arguments.budget:.0f} s, before {name} {precision}", flush=True)
                    return
                steps = Steps(name, precision, data, arguments.seconds, CudaClock())
                record["steps"].append(steps.measure(peers(name) if arguments.peers else []))
                show(record["steps"][-1])
                if arguments.json:
                    records.write(record, arguments.json)
    print(f"{time.monotonic() - started:.0f} s", flush=True)


def peers(name: str) -> list[str]:
    """Baselines of a network; on spconv bfloat16 means float16."""
    with_spconv = name == "minkowski" and spconv_gpu.available()
    return ["per_offset", *(["spconv"] if with_spconv else [])]


class Steps:
    """Training steps of one network in one precision on one batch: ours, then each baseline alone.

    Args:
        name: of the network.
        precision: one of `PRECISIONS`.
        data: the whole shapes.
        seconds: for each.
        clock: of the device.
    """

    def __init__(self, name: str, precision: str, data: Surfaces, seconds: float, clock: Clock) -> None:
        self._name, self._precision, self._data = name, precision, data
        self._seconds, self._clock = seconds, clock

    def measure(self, baselines: list[str]) -> Record:
        """The record: time, memory and parts of ours; times of the baselines or why there are none."""
        about = {
            "model": self._name,
            "precision": self._precision,
            "data": self._data.name,
            "batch_size": self._data.batch_size,
        }
        try:
            own = self._measured("ours", with_parts=True)
        except Exception as error:
            return about | {"failed": reason(error)}
        row = about | own | {"peers": {}, "failed_peers": {}}
        row["samples_per_s"] = 1e3 * self._data.batch_size / own["median_ms"]
        for name in baselines:
            try:
                peer = self._measured(name)
                row["peers"][name] = peer | {"ratio": peer["median_ms"] / own["median_ms"]}
            except Exception as error:
                row["failed_peers"][name] = reason(error)
        return row

    def _measured(self, kind: str, with_parts: bool = False) -> Record:
        self._free()
        with switched_to(PRECISIONS[self._precision]), installed(kind):
            step, loss, model = self._made(kind)
            timed = Timed([step], self._clock, self._seconds)
            print(f"{self._name} {self._precision} {kind}: warm", flush=True)
            on_gpu = self._data.device.type == "cuda"
            if on_gpu:
                torch.cuda.reset_peak_memory_stats()
            for _ in range(ROUNDS):
                timed.round()
            times = timed.times()
            return {
                "parameters": sum(p.numel() for p in model.parameters()),
                "candidates": list(loss.candidates),
                "median_ms": times.median_ms,
                "min_ms": times.min_ms,
                "host_ms": times.host_ms,
                "repeats": len(times.milliseconds),
                "peak_mb": round(torch.cuda.max_memory_allocated() / 2**20) if on_gpu else None,
                **(self._parts(step) if with_parts and on_gpu else {}),
            }

    def _made(self, kind: str) -> tuple[Callable[[], None], Any, nn.Module]:
        """Step, loss and network of a library."""
        torch.manual_seed(0)
        half_type = HALF.get(self._precision)
        if kind == "spconv":
            spconv_gpu.serve_compiler()
            if half_type is None:  # float32 and TF32 would share its choice of kernels
                spconv_gpu.forget_tuning()
            half_type = None if half_type is None else torch.float16
            with self._data.device:  # drawing 88 M weights on a CPU takes seconds
                model: nn.Module = spconv_net.Net()
            loss: Any = spconv_net.Loss(model.to(self._data.device), self._data, half_type)
        else:
            with self._data.device:
                model = MODELS[self._name](self._data.resolution)
            loss = Loss(model.to(self._data.device), self._data, half_type)
        return training_step(loss, model.parameters(), scaled=half_type == torch.float16), loss, model

    def _parts(self, step: Callable[[], None]) -> Record:
        """Milliseconds of the device by operator, the largest first; kernels and host reads of a step."""
        try:
            activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
            with profile(activities=activities) as profiler:
                step()
                torch.cuda.synchronize()
            return {
                "parts_ms": by_operator(profiler.key_averages()),
                "counts": vars(count_events(trace_of(profiler))),
            }
        except Exception as error:
            return {"parts_ms": {}, "failed_parts": reason(error)}

    def _free(self) -> None:
        gc.collect()
        if self._data.device.type == "cuda":
            torch.cuda.empty_cache()


def installed(kind: str):
    """Puts a baseline's convolution in place of ours for a while."""
    return per_offset.installed() if kind == "per_offset" else nullcontext()


def by_operator(averages: Any) -> dict[str, float]:
    """Milliseconds of the device within each operator itself, from the profiler's averages."""
    parts = {}
    for row in averages:
        on_cpu = row.device_type == torch.autograd.DeviceType.CPU
        if on_cpu and row.self_device_time_total > 0 and not row.key.startswith(NOT_OPERATORS):
            parts[row.key] = row.self_device_time_total / 1e3
    largest = sorted(parts, key=parts.__getitem__, reverse=True)
    shown = {name: parts[name] for name in largest[:PARTS]}
    return shown | {"others": sum((parts[name] for name in largest[PARTS:]), 0.0), "all": sum(parts.values())}


def show(record: Record) -> None:
    """A line for the step and one for its parts."""
    what = f"{record['model']} {record['precision']} {record['data']}"
    if "failed" in record:
        print(f"{what}: FAILED {record['failed']}", flush=True)
        return
    print(
        f"{what}: {record['median_ms']:.1f} ms (host {record['host_ms']:.1f}), {record['samples_per_s']:.1f} "
        f"samples/s, peak {record['peak_mb']} MB, rows {record['candidates']}"
    )
    for name, peer in record["peers"].items():
        print(
            f"  {name}: {peer['median_ms']:.1f} ms, {peer['ratio']:.2f}× (goal {STEP_GOALS[name]}), "
            f"peak {peer['peak_mb']} MB, rows {peer['candidates']}"
        )
    for name, why in record["failed_peers"].items():
        print(f"  {name}: FAILED {why}")
    parts = record.get("parts_ms", {})
    print(
        "  " + ", ".join(f"{name} {ms:.2f}" for name, ms in parts.items()),
        record.get("counts", ""),
        flush=True,
    )
