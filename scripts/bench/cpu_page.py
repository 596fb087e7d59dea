"""The tables of benchmarks/cpu.md from the records of the CPU."""

import json
from collections.abc import Callable, Iterator

from bench.goals import BFLOAT16_GOAL, GOALS, MINKOWSKI_GOALS, STEP_GOALS, THREADS_GOAL, Goal
from bench.page import RESULTS, head, line, slashed, yes
from bench.records import Case, cases_of, fastest, find


def goals(threads: int) -> Callable[[], Iterator[str]]:
    """Each goal beside what was measured with so many threads."""
    return lambda: goal_rows(threads)


def goal_rows(threads: int) -> Iterator[str]:
    """The lines of that table."""
    cases = cases_of(RESULTS / f"ops_cpu_{threads}_thread{'s' if threads > 1 else ''}.json")
    yield from head("case", "C", "goal", "measured", "holds")
    for goal in GOALS:
        found = {c: find(cases, goal.resolution, goal.operation, c) for c in goal.values}
        measured = {c: (case, reached(goal, case)) for c, case in found.items() if case is not None}
        what = "".join({f"{case['operation']}, {goal.resolution}³" for case, _ in measured.values()})
        yield line(
            what + suffix(goal),
            slashed(c or "" for c in measured),
            slashed(goal.values[c] for c in measured),
            slashed(f"{value:.{digits(goal)}f}" for _, value in measured.values()),
            slashed(yes(round(value, digits(goal)) >= goal.values[c]) for c, (_, value) in measured.items()),
        )
    for step in steps_of(threads):
        if step["minkowski_table_ms"]:
            resolution = int(step["data"].split("³")[0])
            ratio, goal = step["minkowski_table_ms"] / step["median_ms"], STEP_GOALS[resolution]
            name = f"training step of me_completion, {resolution}³, to MinkowskiEngine's table"
            yield line(name, None, goal, f"{ratio:.2f}", yes(ratio >= goal))


def digits(goal: Goal) -> int:
    """Digits with which a value is shown; it is judged as it is shown."""
    return 1 if goal.of_limit else 2


def suffix(goal: Goal) -> str:
    """What a goal is measured by, where that is not the fastest baseline."""
    if goal.of_limit:
        return ", % of the multiply-add rate"
    return ", to MinkowskiEngine's table" if goal.operation in MINKOWSKI_GOALS else ""


def reached(goal: Goal, case: Case) -> float:
    """What a case reached of its goal: percent, or the ratio to the fastest baseline."""
    if goal.of_limit:
        return 100 * case["fraction_of_floor"]
    return case["minkowski"]["ratio"] if goal.operation in MINKOWSKI_GOALS else fastest(case)[1]


def all_cases(record: str) -> Callable[[], Iterator[str]]:
    """Every case of a record beside its fastest baseline."""

    def rows() -> Iterator[str]:
        yield from head("data", "C", "case", "ms", "of the limit", "fastest baseline", "ratio")
        for case in cases_of(RESULTS / record):
            name, ratio = fastest(case)
            yield line(*named(case), percent(case), name, f"{ratio:.2f}")

    return rows


def percent(case: Case) -> str:
    """How much of its limit a case reaches."""
    return f"{100 * case['fraction_of_floor']:.0f} %"


def named(case: Case) -> tuple[object, ...]:
    """The first cells of a case: data, channels, what it is, our time."""
    return case["data"], case["channels"], case["operation"], f"{case['median_ms']:.2f}"


def dense() -> Iterator[str]:
    """Dense convolution of the same grid."""
    yield from head("data", "C", "case", "ms", "`conv3d` ms", "ratio")
    for case in cases_of(RESULTS / "ops_cpu_1_thread.json"):
        if "dense" in case["peers"]:
            peer = case["peers"]["dense"]
            yield line(*named(case), f"{peer['median_ms']:.0f}", f"{peer['ratio']:.0f}")


def beside_ourselves(record: str, name: str, goal: float, voxels: int = 0) -> Callable[[], Iterator[str]]:
    """Ratios of a record to our own times in another setting; the goal is for sets of so many voxels."""

    def rows() -> Iterator[str]:
        yield from head(
            *("data", "C", "case", "ms", "of the limit", f"{name.replace('_', ' ')} ms"), "ratio", f"≥ {goal}"
        )
        for case in cases_of(RESULTS / record):
            peer = case["peers"].get(name)
            if peer is None:  # nothing but coordinates, whose type is always the same
                continue
            holds = yes(round(peer["ratio"], 2) >= goal) if case["voxels"] >= voxels else None
            ms, ratio = f"{peer['median_ms']:.2f}", f"{peer['ratio']:.2f}"
            yield line(*named(case), percent(case), ms, ratio, holds)

    return rows


def steps() -> Iterator[str]:
    """Whole training steps with one and with two threads."""
    yield from head(
        *("model", "parameters", "data", "ms, 1 thread", "ms, 2 threads", "peak MB", "MinkowskiEngine ms"),
        "ratio, 1 thread",
    )
    for one, two in zip(steps_of(1), steps_of(2), strict=True):
        table = one["minkowski_table_ms"]
        yield line(
            one["model"],
            f"{one['parameters'] / 1e6:.1f} M",
            one["data"],
            f"{one['median_ms']:.0f}",
            f"{two['median_ms']:.0f}",
            one["peak_mb"],
            table,
            None if table is None else f"{table / one['median_ms']:.2f}",
        )


def steps_of(threads: int) -> list[dict]:
    """Steps of a record."""
    name = f"step_cpu_{threads}_thread{'s' if threads > 1 else ''}.json"
    return json.loads((RESULTS / name).read_text())["steps"]


TABLES = {
    "goals": goals(1),
    "goals, two threads": goals(2),
    "one thread": all_cases("ops_cpu_1_thread.json"),
    "dense": dense,
    "bfloat16": beside_ourselves("ops_cpu_bfloat16.json", "own_float32", BFLOAT16_GOAL),
    "two threads": beside_ourselves("ops_cpu_2_threads.json", "own_1_thread", THREADS_GOAL, voxels=100_000),
    "two threads, baselines": all_cases("ops_cpu_2_threads.json"),
    "steps": steps,
}
