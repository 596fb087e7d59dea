"""Measures a case of a GPU: right first, then timed beside the peers.

An exception of a peer costs its cell, one of ours the case.
"""

import gc
from collections.abc import Callable
from math import ceil
from types import ModuleType
from typing import Any

import torch

from bench.agreement import CHECKS
from bench.cases import GpuCase
from bench.gpu_data import parents, voxels
from bench.gpu_timing import ROUNDS, Clock, CudaClock, DeviceTimes, Timed
from bench.inputs import Surfaces
from bench.libraries import gather_mm, ours
from bench.precision import PRECISIONS, switched_to
from bench.timing import Run
from bench.work import Work, work_of

CACHE_BYTES = 2**27  # twice the largest cache of such a GPU: what has passed through it is no longer there
MOST_SETS = 4  # of operands
POOL_BYTES = 40e9
MOST_GATHERED = 100_000  # rows for which gather_mm is timed
Record = dict[str, Any]


class Bench:
    """The peers and the limits; measures one case after another.

    Args:
        peers: libraries beside ours.
        rates: operations per second of dense products by precision.
        bandwidth: bytes per second that a copy reads and writes.
        seconds: for each library of a case.
        device: of the data.
        clock: of the device.
    """

    def __init__(
        self,
        peers: list[ModuleType],
        rates: dict[str, float],
        bandwidth: float,
        seconds: float,
        device: str = "cuda",
        clock: Clock | None = None,
    ) -> None:
        self._peers, self._rates, self._bandwidth, self._seconds = peers, rates, bandwidth, seconds
        self._device, self._clock = device, clock or CudaClock()
        self._data: dict[tuple[int, bool, bool], Surfaces] = {}
        self._tuned_for: tuple[object, ...] | None = None

    def measure(self, case: GpuCase) -> Record:
        """The record of a case: errors, times, ratios; or why there are none."""
        about = {
            "operation": case.operation,
            "rows": case.rows,
            "channels": case.channels,
            "precision": case.precision,
            "map": "cached" if "cached" in case.operation else "fresh",
            "order": "canonical" if case.sorted else "random",
        }
        try:
            with switched_to(PRECISIONS[case.precision]):
                return about | self._measured(case)
        except Exception as error:
            return about | {"failed": reason(error)}
        finally:
            self._free()

    def _measured(self, case: GpuCase) -> Record:
        data = self._data_of(case)
        errors = CHECKS[case.call](data, *case.arguments) if case.call in CHECKS and fits(case) else {}
        tolerance = PRECISIONS[case.precision].tolerance
        if not all(error <= tolerance for error in errors.values()):  # NaN is not
            return {"errors": errors, "failed": f"relative errors {errors} above {tolerance}"}
        work = work_of(case.call, data, case.arguments)
        sets = min(MOST_SETS, max(1, ceil(CACHE_BYTES / max(work.bytes, 1))))
        failed: dict[str, str] = {}
        try:
            self._forget_tuning(case)
        except Exception as error:
            failed["tuning"] = reason(error)
        timed = self._warmed(data, case, sets, failed)
        times = self._by_turns(timed, failed)
        if "ours" in failed:
            return {"errors": errors, "failed": failed["ours"]}
        row = self._record(case, data, work, times)
        row["queued_ms"] = timed["ours"].queued()
        row["fraction_of_floor_queued"] = row["floor_ms"] / row["queued_ms"]
        return row | {"errors": errors, "operand_sets": sets, "failed_peers": failed}

    def _data_of(self, case: GpuCase) -> Surfaces:
        key = case.rows, case.parents, case.sorted
        if key not in self._data:
            made = parents(case.rows) if case.parents else voxels(case.rows, shuffled=not case.sorted)
            self._data[key] = made.to(self._device)
        return self._data[key]

    def _makers(self, case: GpuCase) -> dict[str, Callable[..., Run | None]]:
        """The functions of all libraries by name; what has two ways has a second function."""
        makers = {"ours": getattr(ours, case.call)}
        for peer in self._peers:
            if peer is gather_mm and (case.precision == "bfloat16" or case.rows > MOST_GATHERED):
                continue  # as in float16; tens of times slower than the rest
            for suffix in ("", "_native"):
                if (make := getattr(peer, case.call + suffix, None)) is not None:
                    makers[short_name(peer) + suffix] = make
        return makers

    def _forget_tuning(self, case: GpuCase) -> None:
        """Lets peers that remember their choice of kernels make it anew for other data or precision."""
        held = "float16" if case.precision == "bfloat16" else case.precision  # as spconv gets them
        key = case.rows, case.parents, case.sorted, held
        if key != self._tuned_for:
            for peer in self._peers:
                getattr(peer, "forget_tuning", lambda: None)()
        self._tuned_for = key

    def _warmed(self, data: Surfaces, case: GpuCase, sets: int, failed: dict[str, str]) -> dict[str, Timed]:
        timed = {}
        for name, make in self._makers(case).items():
            try:
                runs = [make(data, *case.arguments) for _ in range(sets)]
                if all(runs):
                    timed[name] = Timed([one for one in runs if one], self._clock, self._seconds)
            except Exception as error:
                failed[name] = reason(error)
                self._free(everything=True)
        return timed

    def _by_turns(self, timed: dict[str, Timed], failed: dict[str, str]) -> dict[str, DeviceTimes]:
        for _ in range(ROUNDS):
            for name in list(timed):
                try:
                    timed[name].round()
                except Exception as error:
                    failed[name] = reason(error)
                    del timed[name]
        return {name: one.times() for name, one in timed.items()}

    def _record(self, case: GpuCase, data: Surfaces, work: Work, times: dict[str, DeviceTimes]) -> Record:
        own = times.pop("ours")
        floor = work.floor_ms(self._rates[case.precision], self._bandwidth)
        return {
            "data": data.name,
            "voxels": len(data.coords),
            "median_ms": own.median_ms,
            "min_ms": own.min_ms,
            "host_ms": own.host_ms,
            "repeats": len(own.milliseconds),
            "floor_ms": floor,
            "fraction_of_floor": floor / own.median_ms,
            "peers": {
                name: {
                    "median_ms": one.median_ms,
                    "min_ms": one.min_ms,
                    "host_ms": one.host_ms,
                    "ratio": one.median_ms / own.median_ms,
                }
                for name, one in times.items()
            },
        }

    def _free(self, everything: bool = False) -> None:
        """Frees what a case left where memory is scarce: searching for it and asking anew take time."""
        if everything or (self._device == "cuda" and torch.cuda.memory_reserved() > POOL_BYTES):
            gc.collect()
            if self._device == "cuda":
                torch.cuda.empty_cache()


def fits(case: GpuCase) -> bool:
    """Whether the check of a call is made for this data: layers with a cached map take rows as they come."""
    return case.call == "map3" or case.sorted


def reason(error: Exception) -> str:
    """The first line of an exception, with its name."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]


def short_name(library: ModuleType) -> str:
    """Name of a library's file."""
    return library.__name__.rsplit(".", 1)[-1]
