#!/usr/bin/env python
"""Draws a record of scripts/bench_ops.py: our times beside the fastest baseline.

scripts/plot_bench.py benchmarks/results/ops_cpu_1_thread.json benchmarks/ops_cpu_1_thread.svg
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench.records import Case, baselines, cases_of, fastest
from teaching.colours import BLUE, GREY_PALE, QUIET
from teaching.svg import Drawing

ROW, LEFT, RIGHT = 15, 430, 700  # pixels


def main() -> None:
    """Reads the record, writes the picture."""
    arguments = parse()
    cases = [case for case in cases_of(arguments.record) if baselines(case)]
    if not cases:
        raise SystemExit("plot_bench: the record must hold cases with baselines; run bench_ops.py --peers")
    arguments.picture.write_text(draw(cases))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("record", type=Path, help="written by bench_ops.py --json")
    parser.add_argument("picture", type=Path, help="SVG to write")
    return parser.parse_args()


def draw(cases: list[Case]) -> str:
    """One bar a case: how many times longer the fastest baseline takes; the rule is our own time."""
    drawing = Drawing("Time of the fastest baseline over ours", 60 + ROW * len(cases))
    scale = (RIGHT - LEFT) / max(fastest(case)[1] for case in cases)
    drawing.text(LEFT, 20, "fastest baseline ÷ completion, CPU; the line is 1", 13, "start", bold=True)
    for place, case in enumerate(cases):
        name, ratio = fastest(case)
        y = 45 + ROW * place
        channels = "" if case["channels"] is None else f", C {case['channels']}"
        drawing.text(LEFT - 8, y, f"{case['data']}{channels}: {case['operation']}", 10, "end")
        drawing.rect(LEFT, y - 5, ratio * scale, 10, BLUE if ratio >= 1 else GREY_PALE)
        drawing.text(LEFT + ratio * scale + 5, y, f"{ratio:.1f} {name.split(' ')[0]}", 9, "start")
    x = LEFT + scale
    drawing.line([(x, 35), (x, 50 + ROW * len(cases))], QUIET, 1, "3 3")
    return drawing.svg()


if __name__ == "__main__":
    main()
