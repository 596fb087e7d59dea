"""`completion doctor`: prints what is installed, what works and what to do.

The checks are cli/diagnosis.py's.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from omegaconf import DictConfig

from completion.cli.diagnosis import Check, diagnose

FLAGS = {"--json": "json=true"}


def run(cfg: DictConfig) -> None:
    """Prints the report.

    Args:
        cfg: `json`, `render` and `timeout` in seconds.

    Raises:
        RuntimeError: A required part is not in order.
    """
    checks = diagnose(cfg.render, cfg.timeout)
    failed = [check.name for check in checks if check.required and not check.ok]
    if cfg.json:
        print(json.dumps({"ok": not failed, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        print(as_lines(checks))
    if failed:
        raise RuntimeError(f"not in order: {', '.join(failed)}; the report says what to do")


def as_lines(checks: Sequence[Check]) -> str:
    """The report for people: a mark, the name and the finding; advice below what is not in order."""
    lines = []
    for check in checks:
        lines.append(f"{mark(check):<5} {check.name:<20} {check.detail}")
        if not check.ok:
            lines.append(f"{'':<5} {'':<20} -> {check.advice}")
    return "\n".join(lines)


def mark(check: Check) -> str:
    """`ok`, `FAIL` for a required part that is not in order, `warn` for an optional one."""
    if check.ok:
        return "ok"
    return "FAIL" if check.required else "warn"
