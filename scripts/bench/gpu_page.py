"""The tables of benchmarks/gpu.md from the records of a GPU."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from bench.goals_gpu import GPU_GOALS, KERNELS, STEP_GOALS, WAITS, GpuGoal, belongs, holds, reached
from bench.page import RESULTS, head, line, slashed, yes

Record = dict[str, Any]
PRESENT = "ops_gpu.json"
STEPS, TRAININGS = "step_gpu.json", "train_gpu.json"
EARLIER = (
    "ops_gpu_3154db0.json",
    "ops_gpu_f9bbebe.json",
    "ops_gpu_float32.json",
    "ops_gpu_earlier.json",
)  # the latest first
GROUPS = ("rows", "precision")  # cases that differ in channels alone share a line of the goals


def record_of(name: str) -> Record:
    """A record of the benches."""
    return json.loads((RESULTS / name).read_text())


def cases_of(name: str) -> Iterator[Record]:
    """The cases of a record with its name, and a note of what in them is not of the present one."""
    record = record_of(name)
    when = f" (at {record['machine']['commit']})"
    for case in measured(record["cases"]):
        noted = with_peers_of_before(case) if name == PRESENT else case | {"note": when}
        yield noted | {"record": name}


def measured(rows: Iterable[Record]) -> Iterator[Record]:
    """Those that did not fail, which have no times."""
    return (row for row in rows if "failed" not in row)


def with_peers_of_before(case: Record) -> Record:
    """The case; peers that failed in it have the time of the latest record in which they ran."""
    for earlier in map(record_of, EARLIER) if case["failed_peers"] else ():
        for other in measured(earlier["cases"]):
            found = {name: peer for name, peer in other["peers"].items() if name in case["failed_peers"]}
            if found and identity_of(case) == identity_of(other):
                note = f" (spconv's time at {earlier['machine']['commit']})"
                return case | {"peers": case["peers"] | beside_ours(found, case), "note": note}
    return case | {"note": ""}


def beside_ours(peers: Record, ours: Record) -> Record:
    """Peers of another record with their ratio to our present time."""
    return {name: peer | {"ratio": peer["median_ms"] / ours["median_ms"]} for name, peer in peers.items()}


def known_cases() -> Iterator[Record]:
    """Each case as it was measured last; both half types, which take the same kernels, where both were."""
    seen = set()
    for name in (PRESENT, *EARLIER):
        cases = list(cases_of(name))
        yield from (case for case in cases if as_half(case) not in seen)
        seen |= {as_half(case) for case in cases}


def as_half(case: Record) -> tuple[object, ...]:
    """A case, its precision but for which of the half types."""
    return identity_of(case | {"precision": case["precision"].replace("bfloat16", "float16")})


def goals() -> Iterator[str]:
    """Each goal beside what was measured."""
    yield from head("case", "C", "goal", "measured", "holds")
    cases = list(known_cases())
    for goal in GPU_GOALS:
        found = [case for case in cases if belongs(goal, case)]
        for group in dict.fromkeys(group_of(case) for case in found):
            yield of_goal(goal, [case for case in found if group_of(case) == group])
    yield from of_counts(record_of(PRESENT))
    for step in measured(record_of(STEPS)["steps"]):
        for name, goal in STEP_GOALS.items() if step["model"] == "minkowski" else ():
            peer = step["peers"].get(name)
            if peer is None:
                continue  # the library was not there
            what = f"training step of me_completion, {step['data']}, {step['precision']}"
            yield line(what, None, f"≥ {goal:g} × {name}", f"{peer['ratio']:.2f}", yes(peer["ratio"] >= goal))


def identity_of(case: Record) -> tuple[object, ...]:
    """What a case is, whatever was measured of it."""
    return tuple(case[key] for key in ("operation", "rows", "precision", "channels"))


def group_of(case: Record) -> tuple[object, ...]:
    """What cases that differ in channels alone have in common."""
    return tuple(case[key] for key in (*GROUPS, "operation", "note"))


def of_goal(goal: GpuGoal, cases: list[Record]) -> str:
    """The line of cases that differ in channels alone."""
    rows, precision = (cases[0][key] for key in GROUPS)
    values = [reached(goal, case) for case in cases]
    words = {"ms": "≤ {} ms", "of floor": "≥ {} of the floor", "spconv": "≥ {} × spconv"}[goal.measure]
    return line(
        f"{cases[0]['operation']}{cases[0]['note']}, {rows:,} rows"
        + (f", {precision}" if cases[0]["channels"] else ""),
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
    for case in cases_of(PRESENT):
        queued = (f"{case['queued_ms']:.2f}", f"{100 * case['fraction_of_floor_queued']:.0f} %")
        yield line(*named(case), *queued, f"{case['host_ms']:.2f}", *beside(case))


def earlier_cases() -> Iterator[str]:
    """Cases that the present record lacks, as they were measured last."""
    yield from case_head("ms", "of the floor", "host ms")
    for case in known_cases():
        if case["record"] != PRESENT:
            yield line(*named(case), f"{case['host_ms']:.2f}", *beside(case))


def case_head(*ours: str) -> Iterator[str]:
    """The first two lines of a table of cases."""
    return head("rows", "precision", "C", "case", *ours, "spconv ms", "ratio", "`gather_mm` ms", "ratio")


def named(case: Record) -> tuple[object, ...]:
    """What a case is, our time, and how near to the floor that is."""
    about = f"{case['rows']:,}", case["precision"], case["channels"], case["operation"] + case["note"]
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
    for step in measured(record_of(STEPS)["steps"]):
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
    taken = {step["model"]: step["parts_ms"] for step in measured(record_of(STEPS)["steps"])}
    yield from head("operator", *taken)
    names = dict.fromkeys(name for one in taken.values() for name in one)
    for name in sorted(names, key=("others", "all").__contains__):  # what is left and the sum come last
        cells = (one.get(name) for one in taken.values())
        shown = name if name in ("others", "all") else f"`{name}`"
        yield line(shown, *(None if ms is None else f"{ms:.2f}" for ms in cells))


def trainings() -> Iterator[str]:
    """Steps of trainings by the command."""
    yield from head("model", "batches", "way", "loader processes", "ms", "mean ms", "bare step ms", "peak MB")
    for one in record_of(TRAININGS)["trainings"]:
        batches = f"{one['resolution']}³ × {one['batch_size']}"
        times = (f"{one[key]:.0f}" for key in ("median_ms", "mean_ms"))
        bare = f"{one['bare_ms']:.0f}" if "bare_ms" in one else None
        yield line(one["model"], batches, one["way"], one["workers"], *times, bare, one["peak_mb"])


TABLES = {
    "goals": goals,
    "cases": present_cases,
    "earlier": earlier_cases,
    "counts": counts,
    "memory": memory,
    "steps": steps,
    "parts": parts,
    "trainings": trainings,
}
