"""The tables of benchmarks/gpu.md from the records of a GPU."""

import json
from collections.abc import Iterator
from typing import Any

from bench.goals_gpu import GPU_GOALS, KERNELS, STEP_GOALS, WAITS, GpuGoal, belongs, holds, reached
from bench.page import RESULTS, head, line, slashed, yes

Record = dict[str, Any]
PRESENT = "ops_gpu.json"
EARLIER = ("ops_gpu_f9bbebe.json", "ops_gpu_float32.json", "ops_gpu_earlier.json")  # the latest first
GROUPS = ("rows", "precision")  # cases that differ in channels alone share a line of the goals


def record_of(name: str) -> Record:
    """A record of the benches."""
    return json.loads((RESULTS / name).read_text())


def known_cases() -> Iterator[tuple[str, Record]]:
    """Each case as it was measured last, with the words " (at COMMIT)" where another record has it."""
    seen = set()
    for name in (PRESENT, *EARLIER):
        record = record_of(name)
        when = "" if name == PRESENT else f" (at {record['machine']['commit']})"
        for case in record["cases"]:
            what = group_of(case), case["channels"]
            if what not in seen:
                seen.add(what)
                yield when, case


def goals() -> Iterator[str]:
    """Each goal beside what was measured."""
    yield from head("case", "C", "goal", "measured", "holds")
    cases = [{**case, "operation": case["operation"] + when} for when, case in known_cases()]
    for goal in GPU_GOALS:
        found = [case for case in cases if belongs(goal, case)]
        for group in dict.fromkeys(group_of(case) for case in found):
            yield of_goal(goal, [case for case in found if group_of(case) == group])
    yield from of_counts(record_of(PRESENT))
    for step in record_of("step_gpu.json")["steps"]:
        for name, goal in STEP_GOALS.items() if step["model"] == "minkowski" else ():
            ratio = step["peers"][name]["ratio"]
            what = f"training step of me_completion, {step['data']}, {step['precision']}"
            yield line(what, None, f"≥ {goal:g} × {name}", f"{ratio:.2f}", yes(ratio >= goal))


def group_of(case: Record) -> tuple[object, ...]:
    """What cases that differ in channels alone have in common."""
    return tuple(case[key] for key in (*GROUPS, "operation"))


def of_goal(goal: GpuGoal, cases: list[Record]) -> str:
    """The line of cases that differ in channels alone."""
    rows, precision = (cases[0][key] for key in GROUPS)
    values = [reached(goal, case) for case in cases]
    words = {"ms": "≤ {} ms", "of floor": "≥ {} of the floor", "spconv": "≥ {} × spconv"}[goal.measure]
    return line(
        f"{cases[0]['operation']}, {rows:,} rows" + (f", {precision}" if cases[0]["channels"] else ""),
        slashed(case["channels"] or "" for case in cases),
        words.format(f"{goal.value:g}"),
        slashed("failed" if value is None else f"{value:.2f}" for value in values),
        slashed(yes(holds(goal, value)) for value in values),
    )


def of_counts(record: Record) -> Iterator[str]:
    """The lines of what is counted: launches, waits, memory."""
    for row in record["launches"]:
        if (most := KERNELS.get(row["operation"])) is not None:
            count = row["kernels"] + row["memsets"]
            what = f"{row['operation']}, {row['rows']:,} rows, launches"
            yield line(what, 64, f"≤ {most}", count, yes(count <= most))
    waits = [row["waits"] for row in record["reads"]]
    what = "waits of the host where coordinates are made, see the table of counts"
    yield line(what, None, f"≤ {WAITS}", slashed(waits), slashed(yes(count <= WAITS) for count in waits))
    for row in record["memory"]:
        share = row["peak_bytes"] / row["allowed_bytes"]
        what = f"{row['operation']}, {row['parents']:,} rows, peak of memory"
        goal = "≤ 1 of features + 16 B a voxel" + (" + map" if "k2" not in row["operation"] else "")
        yield line(what, row["channels"], goal, f"{share:.2f}", yes(share <= 1))


def counts() -> Iterator[str]:
    """Launches of small layers and of everything that makes coordinates."""
    yield from head("case", "rows", "kernels", "memsets", "numbers read", "waits of the host")
    record = record_of(PRESENT)
    for row in record["launches"] + record["reads"]:
        numbers = (row[key] for key in ("kernels", "memsets", "host_reads", "waits"))
        yield line(row["operation"], f"{row['rows']:,}", *numbers)


def memory() -> Iterator[str]:
    """Peak memory of generative layers."""
    yield from head("case", "C", "parents", "voxels", "peak MB", "allowed MB")
    for row in record_of(PRESENT)["memory"]:
        sizes = (f"{row[key] / 1e6:.0f}" for key in ("peak_bytes", "allowed_bytes"))
        yield line(row["operation"], row["channels"], f"{row['parents']:,}", f"{row['voxels']:,}", *sizes)


def present_cases() -> Iterator[str]:
    """Every case of the present record."""
    yield from case_head("ms", "of the floor", "ms, queued", "of the floor, queued", "host ms")
    for case in record_of(PRESENT)["cases"]:
        queued = (f"{case['queued_ms']:.2f}", f"{100 * case['fraction_of_floor_queued']:.0f} %")
        yield line(*named(case), *queued, f"{case['host_ms']:.2f}", *beside(case))


def earlier_cases() -> Iterator[str]:
    """Cases that the present record lacks, as they were measured last."""
    yield from case_head("ms", "of the floor", "host ms")
    for when, case in known_cases():
        if when:
            about = {**case, "operation": case["operation"] + when}
            yield line(*named(about), f"{case['host_ms']:.2f}", *beside(case))


def case_head(*ours: str) -> Iterator[str]:
    """The first two lines of a table of cases."""
    return head("rows", "precision", "C", "case", *ours, "spconv ms", "ratio", "`gather_mm` ms", "ratio")


def named(case: Record) -> tuple[object, ...]:
    """What a case is, our time, and how near to the floor that is."""
    about = f"{case['rows']:,}", case["precision"], case["channels"], case["operation"]
    return *about, f"{case['median_ms']:.2f}", f"{100 * case['fraction_of_floor']:.0f} %"


def beside(case: Record) -> Iterator[str | None]:
    """Time and ratio of spconv's fastest way and of `gather_mm`."""
    for library in ("spconv", "gather_mm"):
        peers = [peer for name, peer in case["peers"].items() if name.startswith(library)]
        fastest = min(peers, key=lambda peer: peer["median_ms"], default=None)
        yield None if fastest is None else f"{fastest['median_ms']:.2f}"
        yield None if fastest is None else f"{fastest['ratio']:.2f}"


def steps() -> Iterator[str]:
    """Whole training steps beside their baselines."""
    yield from head(
        *("model", "data", "precision", "parameters", "ms", "host ms", "GPU ms", "samples/s", "peak MB"),
        *("kernels", "waits", "per_offset ms", "ratio", "spconv ms", "ratio"),
    )
    for step in record_of("step_gpu.json")["steps"]:
        numbers = (step["median_ms"], step["host_ms"], step["parts_ms"]["all"])
        yield line(
            *(step["model"], step["data"], step["precision"], f"{step['parameters'] / 1e6:.1f} M"),
            *(f"{number:.1f}" for number in numbers),
            *(f"{step['samples_per_s']:.0f}", step["peak_mb"], step["counts"]["kernels"]),
            *(step["counts"]["waits"], *of_peers(step)),
        )


def of_peers(step: Record) -> Iterator[str | None]:
    """Times and ratios of a step's baselines."""
    for name in STEP_GOALS:
        peer = step["peers"].get(name)
        yield None if peer is None else f"{peer['median_ms']:.1f}"
        yield None if peer is None else f"{peer['ratio']:.2f}"


def parts() -> Iterator[str]:
    """The GPU's milliseconds by operator, the largest of each step."""
    taken = {step["model"]: step["parts_ms"] for step in record_of("step_gpu.json")["steps"]}
    yield from head("operator", *taken)
    names = dict.fromkeys(name for one in taken.values() for name in one)
    for name in sorted(names, key=("others", "all").__contains__):  # what is left and the sum come last
        cells = (one.get(name) for one in taken.values())
        shown = name if name in ("others", "all") else f"`{name}`"
        yield line(shown, *(None if ms is None else f"{ms:.2f}" for ms in cells))


TABLES = {
    "goals": goals,
    "cases": present_cases,
    "earlier": earlier_cases,
    "counts": counts,
    "memory": memory,
    "steps": steps,
    "parts": parts,
}
