"""Times callables on a GPU by events in its own queue: nothing waits for it between the first and the last.

An operation that reads a count waits by itself, and that counts. Every callable comes as several, the same on
other operands; they take turns, so that what one run leaves in the cache does not serve the next.
"""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any, Protocol

import torch

from bench.timing import Run

ROUNDS = 3
MOST = 200  # runs in a round
SHORT = 0.03  # seconds; what takes longer needs no run that does not count


class Clock(Protocol):
    """Stamps in the queue of a device."""

    def stamp(self) -> Any:
        """Queues a stamp."""
        ...

    def between(self, first: Any, last: Any) -> float:
        """Milliseconds from one stamp to another, once the device has got there."""
        ...

    def wait(self) -> None:
        """Waits for everything that is queued."""
        ...

    def hold(self, milliseconds: float) -> None:
        """Queues a pause of at least so long."""
        ...


class CudaClock:
    """Events of the current CUDA stream."""

    def stamp(self) -> torch.cuda.Event:
        """An event."""
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def between(self, first: torch.cuda.Event, last: torch.cuda.Event) -> float:
        """As the device counts, to about half a microsecond."""
        return first.elapsed_time(last)

    def wait(self) -> None:
        """Waits for the device."""
        torch.cuda.synchronize()

    def hold(self, milliseconds: float) -> None:
        """Counts cycles, at the highest clock of such GPUs."""
        torch.cuda._sleep(int(2e6 * milliseconds))


class WallClock:
    """The host's own time: for a CPU, where nothing is queued."""

    def stamp(self) -> float:
        """The time now in seconds."""
        return time.perf_counter()

    def between(self, first: float, last: float) -> float:
        """Their difference."""
        return 1e3 * (last - first)

    def wait(self) -> None:
        """Nothing to wait for."""

    def hold(self, milliseconds: float) -> None:
        """Nothing to hold."""


@dataclass(frozen=True)
class DeviceTimes:
    """Times of one callable.

    Attributes:
        milliseconds: of each run, in order.
        host_ms: median of what the host needed to queue a run; as long as the run where the host is the limit
            or the operation reads a count.
    """

    milliseconds: tuple[float, ...]
    host_ms: float

    @property
    def median_ms(self) -> float:
        """Median."""
        return median(self.milliseconds)

    @property
    def min_ms(self) -> float:
        """Smallest."""
        return min(self.milliseconds)


def backward_here() -> AbstractContextManager[None]:
    """Runs backward passes on the calling thread, as training does, those of all libraries alike.

    Handed to autograd's own thread for a GPU, one of few kernels takes a tenth of a millisecond longer.
    """
    return torch.autograd.set_multithreading_enabled(False)


class Timed:
    """One callable of a case: warmed up, run in rounds.

    Args:
        runs: the same operation on several sets of operands.
        clock: of the device.
        seconds: for all rounds together.
    """

    def __init__(self, runs: Sequence[Run], clock: Clock, seconds: float) -> None:
        self._runs, self._clock, self._next = runs, clock, 0
        self._milliseconds: list[float] = []
        self._host: list[float] = []
        for run in runs:  # compiles, tunes and fills the allocator's pool
            run()
        self._run()
        clock.wait()
        started = time.perf_counter()
        self._run()
        clock.wait()
        taken = time.perf_counter() - started
        self._short = taken < SHORT
        self._count = min(MOST, max(1, ceil(seconds / ROUNDS / max(taken, 1e-6))))

    def round(self) -> None:
        """Runs a third of the time in a row."""
        if self._short:
            self._run()  # its own data and clocks, after another library's turn
        stamps = []
        for _ in range(self._count):
            first, started = self._clock.stamp(), time.perf_counter()
            self._run()
            self._host.append(1e3 * (time.perf_counter() - started))
            stamps.append((first, self._clock.stamp()))
        self._clock.wait()
        self._milliseconds += [self._clock.between(first, last) for first, last in stamps]

    def times(self) -> DeviceTimes:
        """What was measured."""
        return DeviceTimes(tuple(self._milliseconds), median(self._host))

    def queued(self, count: int = 10) -> float:
        """Milliseconds of a run when the device never waits for the host, which queues runs while it pauses.

        An operation that reads a count waits for the end of the pause, and then for itself as before.
        """
        self._clock.hold(1.5 * count * median(self._host) + 1)
        first = self._clock.stamp()
        for _ in range(count):
            self._run()
        last = self._clock.stamp()
        self._clock.wait()
        return self._clock.between(first, last) / count

    def _run(self) -> None:
        self._runs[self._next % len(self._runs)]()
        self._next += 1
