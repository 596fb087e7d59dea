"""The sanitized library: all operators run clean on it, and a planted fault of each kind ends the process."""

import subprocess
import sys
from pathlib import Path

import pytest

from completion.ops.recipe import cxx

ROOT = Path(__file__).parents[2]
# Values that the checks in Python trust: the operators are called past them.
PLANTED = {
    "a row after the last": "take_rows(x, rows([0, 4]), rows([0] * 4))",
    "a row far after the last": "take_rows(x, rows([9]), rows([0] * 4))",
    "a source in a table": "pool_sum(x, rows([[0], [5]]), rows([[0]] * 4))",
    "a write through a table": "reverse_map(rows([[0], [4]]), 4)",
    "a row of a convolution": "convolution(x, torch.ones(1, 8, 8), rows([[4]]), rows([[0]] * 4), 1, False)",
}
PREAMBLE = """
import torch, completion.ops
x = torch.ones(4, 8)
rows = lambda values: torch.tensor(values, dtype=torch.int32)
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "check_sanitizers.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_operator_runs_clean():
    result = run("scripts/exercise_operators.py", "--device", "cpu", "--radii", "0", "1", "6")
    assert result.returncode == 0, result.stderr
    assert "all operators agree" in result.stdout


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_ends_the_process(fault: str):
    result = run("-c", f"{PREAMBLE}torch.ops.completion.{PLANTED[fault]}\nprint('went on')")
    assert result.returncode != 0 and "went on" not in result.stdout
    assert "ERROR: AddressSanitizer: heap-buffer-overflow" in result.stderr


IN_A_WORKSPACE = """
#include <cstdlib>
#include "arena.h"
int main(int number, char**) {
  completion::cpu::Arena sizes(nullptr);
  sizes.take<int>(3), sizes.take<int>(3);
  completion::cpu::Arena arena(std::aligned_alloc(64, sizes.bytes()));
  int* first = arena.take<int>(3);
  arena.take<int>(3)[0] = 0;
  return first[4 - number] = 0;  // without an argument the element after the last
}
"""


def test_a_step_from_one_array_of_a_workspace_to_the_next_ends_the_process(tmp_path: Path):
    source, program = tmp_path / "step.cpp", tmp_path / "step"
    source.write_text(IN_A_WORKSPACE)
    flags = ["-fsanitize=address", "-DCOMPLETION_SANITIZE", "-I", str(ROOT / "csrc" / "cpu")]
    subprocess.run([cxx(), str(source), *flags, "-o", str(program)], check=True)
    inside = subprocess.run([str(program), "one argument"], capture_output=True, text=True, check=False)
    outside = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert inside.returncode == 0, inside.stderr
    assert "AddressSanitizer: use-after-poison" in outside.stderr


def test_a_failing_command_fails():
    assert run("-c", "import sys; sys.exit(3)").returncode == 3
