#!/usr/bin/env python
"""Runs the property tests of the sparse engine on as many random cases as asked, and records what really ran.

    scripts/prove_properties.py --cases 10000 --seed 0 --record benchmarks/results/property_run.json

The same seed, versions and commit draw the same cases. Fails where a case fails or too few ran.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = sorted((ROOT / "tests" / "ops").glob("test_*_properties.py"))


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=10_000, help="at least so many in all")
    parser.add_argument("--seed", type=int, default=0, help="of hypothesis")
    parser.add_argument("--record", type=Path, help="JSON file for the record")
    arguments = parser.parse_args()
    started = time.monotonic()
    counts = run(math.ceil(arguments.cases / number_of_properties()), arguments.seed)
    cases = sum(counts["completed"].values())
    record = {
        "cases": cases,
        "cases_by_property": dict(sorted(counts["completed"].items())),
        "refusals_at_the_ends_of_the_range": counts["refused"],
        "seed": arguments.seed,
        "seconds": round(time.monotonic() - started, 1),
        **where(),
    }
    text = json.dumps(record, indent=2) + "\n"
    print(text)
    if cases < arguments.cases:
        sys.exit(f"prove_properties: cases must be at least {arguments.cases}, got {cases}")
    if arguments.record:
        arguments.record.write_text(text)


def number_of_properties() -> int:
    """How many tests draw cases."""
    return sum(path.read_text().count("\n@proven(") for path in TESTS)


def run(cases: int, seed: int) -> dict[str, dict[str, int]]:
    """Runs each property on so many cases; returns how many ended, and the refusals among them."""
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts.json"
        environment = {
            **os.environ,
            "COMPLETION_PROPERTY_CASES": str(cases),
            "COMPLETION_PROPERTY_COUNTS": str(counts),
        }
        command = [sys.executable, "-m", "pytest", "-q", f"--hypothesis-seed={seed}", *map(str, TESTS)]
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            sys.exit("prove_properties: every property must hold, got the failures above")
        return json.loads(counts.read_text())


def where() -> dict[str, object]:
    """Commit, versions and machine of the run."""
    status = git("status", "--porcelain", "--untracked-files=no")
    return {
        "commit": git("rev-parse", "--short", "HEAD"),
        "uncommitted_changes": bool(status),
        "versions": {name: version(name) for name in ("torch", "numpy", "hypothesis")},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)),
    }


def git(*arguments: str) -> str:
    """Output of a git command in the repository."""
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
