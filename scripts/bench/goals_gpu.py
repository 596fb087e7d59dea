"""What operators and training steps are to reach on a GPU, and which goals a record reaches."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Measure = Literal["spconv", "of floor", "ms"]
HALF = ("float16", "bfloat16")
SUBM3 = "sub-manifold 3³ forward+backward, map cached"


@dataclass(frozen=True)
class GpuGoal:
    """What cases are to reach: a ratio to spconv, a fraction of the floor, or milliseconds at most.

    Attributes:
        operation: beginning of the cases' name.
        measure: what the value is.
        value: to be reached.
        channels: of the cases; empty for all.
        precisions: of the cases.
    """

    operation: str
    measure: Measure
    value: float
    channels: tuple[int, ...] = ()
    precisions: tuple[str, ...] = (*HALF, "float32", "tf32")


GPU_GOALS = (
    GpuGoal("generative k2 s2, map fresh", "of floor", 0.7),
    GpuGoal("generative k2 s2, map fresh", "spconv", 4),
    GpuGoal("generative k4 s2, map fresh", "spconv", 3),
    GpuGoal("generative k3 s2, map fresh", "spconv", 3),
    GpuGoal(SUBM3, "spconv", 1.0, (16, 32, 64, 128)),
    GpuGoal(SUBM3, "spconv", 0.8, (256,), HALF),
    GpuGoal("coordinates + map", "ms", 0.6),
)
KERNELS = {"sub-manifold 3³, map fresh": 5, "sub-manifold 3³, map cached": 2}
WAITS = 1  # of the host, in each level that makes coordinates
STEP_GOALS = {"per_offset": 5.0, "spconv": 2.0}


def reached(goal: GpuGoal, case: dict[str, Any]) -> float | None:
    """What a case measured of its goal; None where the peer is missing or the case failed."""
    if "median_ms" not in case:
        return None
    if goal.measure == "ms":
        return case["median_ms"]
    if goal.measure == "of floor":
        return case["fraction_of_floor"]
    ratios = [peer["ratio"] for name, peer in case["peers"].items() if name.startswith("spconv")]
    return min(ratios, default=None)  # its fastest way


def holds(goal: GpuGoal, value: float | None) -> bool:
    """Whether the goal is reached."""
    if value is None:
        return False
    return value <= goal.value if goal.measure == "ms" else value >= goal.value


def judged(record: dict[str, Any]) -> Iterator[str]:
    """A line for each goal that a record has cases of: how many reach it, and the worst."""
    for goal in GPU_GOALS:
        cases = [case for case in record["cases"] if belongs(goal, case)]
        values = [reached(goal, case) for case in cases]
        known = [value for value in values if value is not None]
        if cases:
            good = sum(holds(goal, value) for value in values)
            worst = (max if goal.measure == "ms" else min)(known, default=float("nan"))
            sign = "≤" if goal.measure == "ms" else "≥"
            channels = f", C {'/'.join(map(str, goal.channels))}" if goal.channels else ""
            what = f"{goal.operation}{channels}: {goal.measure} {sign} {goal.value}"
            yield f"{what}: {good} of {len(cases)} cases, worst {worst:.2f}"
    for row in record["launches"]:
        if (most := KERNELS.get(row["operation"])) is not None:
            yield f"{row['operation']}: {row['kernels'] + row['memsets']} launches, goal ≤ {most}"
    for row in record["reads"]:
        yield f"{row['operation']}: {row['waits']} waits of the host, goal ≤ {WAITS}"
    for row in record["memory"]:
        share = row["peak_bytes"] / row["allowed_bytes"]
        yield f"memory, {row['operation']}: {share:.2f} of what is allowed, goal ≤ 1"


def belongs(goal: GpuGoal, case: dict[str, Any]) -> bool:
    """Whether the goal is one of the case."""
    fits = not goal.channels or case["channels"] in goal.channels
    return fits and case["operation"].startswith(goal.operation) and case["precision"] in goal.precisions
