"""Times several callables by turns, so that whatever disturbs the machine disturbs all of them alike."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

Run = Callable[[], object]
SHORT = 0.1  # seconds


@dataclass(frozen=True)
class Times:
    """Wall times of one callable.

    Attributes:
        seconds: of each repeat, in order.
    """

    seconds: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        """Median in milliseconds."""
        return 1e3 * median(self.seconds)

    @property
    def min_ms(self) -> float:
        """Smallest in milliseconds."""
        return 1e3 * min(self.seconds)


def by_turns(runs: dict[str, Run], seconds: float = 3.0, least: int = 3, most: int = 25) -> dict[str, Times]:
    """Times of each, in rounds: each callable runs some times in a row, the last of them count.

    The first fill the caches with its own data, as repeats of one library alone are timed: two of five runs
    where one takes less than `SHORT`, the first of two where it takes longer.

    Args:
        runs: by name.
        seconds: after so long no further round begins.
        least: rounds at least.
        most: rounds at most.
    """
    taken: dict[str, list[float]] = {name: [] for name in runs}
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < least or (rounds < most and time.perf_counter() < end):
        for name, run in runs.items():
            short = _timed(run) < SHORT
            if short:
                run()
            taken[name] += [_timed(run) for _ in range(3 if short else 1)]
        rounds += 1
    return {name: Times(tuple(values)) for name, values in taken.items()}


def _timed(run: Run) -> float:
    """Seconds of one run."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
