"""Writes the records of the benches and reads them: the fastest baseline, a case by its name."""

import json
import os
from pathlib import Path
from typing import Any

NO_BASELINES = ("dense", "own_float32", "own_1_thread")
"""Beside our time, but not what a case is measured against: another operation, or ourselves."""

Case = dict[str, Any]


def cases_of(record: Path) -> list[Case]:
    """The cases of an operators' record in order; none where there is no record."""
    return json.loads(record.read_text())["cases"] if record.exists() else []


def baselines(case: Case) -> dict[str, float]:
    """Time of each sparse baseline over ours."""
    ratios = {name: peer["ratio"] for name, peer in case["peers"].items() if name not in NO_BASELINES}
    if case["minkowski"] is not None:
        ratios["minkowski (table)"] = case["minkowski"]["ratio"]
    return ratios


def fastest(case: Case) -> tuple[str, float]:
    """Name and ratio of the fastest baseline."""
    return min(baselines(case).items(), key=lambda item: item[1])


def find(cases: list[Case], resolution: int, operation: str, channels: int | None) -> Case | None:
    """The case of that name on the surfaces of that resolution."""
    for case in cases:
        same = case["operation"].startswith(operation) and case["channels"] == channels
        if same and case["data"].startswith(f"{resolution}³"):
            return case
    return None


def write(record: dict[str, Any], path: Path) -> None:
    """Writes a record aside and renames it, so that a run that is cut off leaves the last whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".part")
    aside.write_text(json.dumps(record, indent=1) + "\n")
    os.replace(aside, path)
