"""The scripts for a machine with a GPU, as far as a machine without one can run them."""

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

SCRIPTS = Path(__file__).parents[2] / "scripts"

SLEEPER = """
import time
try:
    time.sleep(60)
except KeyboardInterrupt:
    print("so far")
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def check_cuda() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("check_cuda", SCRIPTS / "check_cuda.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("options", "what"), [((), "all operators"), (("--products-only",), "convolutions")])
def test_exercise_runs_on_the_cpu(options: tuple[str, ...], what: str):
    script = str(SCRIPTS / "exercise_operators.py")
    result = run(script, "--device", "cpu", "--radii", "0", "1", "2", *options)
    assert result.returncode == 0, result.stderr
    assert f"{what} agree with the reference" in result.stdout.splitlines()


@pytest.mark.parametrize("options", [("--channels", "17"), ("--radii", "-1"), ("--radii",)])
def test_exercise_refuses_what_it_cannot_run(options: tuple[str, ...]):
    result = run(str(SCRIPTS / "exercise_operators.py"), "--device", "cpu", *options)
    assert result.returncode == 2 and f"argument {options[0]}: " in result.stderr


@pytest.mark.skipif(
    torch.cuda.is_available(), reason="this machine has a GPU: scripts/check_cuda.py is for it"
)
def test_check_cuda_without_a_gpu_says_so(tmp_path: Path):
    result = run(str(SCRIPTS / "check_cuda.py"), "--results", str(tmp_path))
    assert result.returncode == 2
    assert "must see an NVIDIA GPU" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("command", "limit", "outcome", "output"),
    [
        ([sys.executable, "-c", "print('done')"], 60, "passed", "done"),
        ([sys.executable, "-c", "raise SystemExit('wrong')"], 60, "failed", "wrong"),
        ([sys.executable, "-c", "import time; print('begun'); time.sleep(60)"], 3, "timed out", "begun"),
        (["no-such-command"], 60, "missing", "not on the PATH"),
        ([sys.executable, "-c", "print('done')"], 0, "left out", ""),
    ],
)
def test_a_step_of_check_cuda(
    check_cuda: ModuleType, tmp_path: Path, command: list[str], limit: float, outcome: str, output: str
):
    with (tmp_path / "a.log").open("w") as log:
        log.write("an earlier step\n")
        found = check_cuda.run(check_cuda.Step("a", command, limit), limit, log)
    assert found.outcome == outcome and output in found.output and "earlier" not in found.output
    assert f"a: {outcome}" in (tmp_path / "a.log").read_text()


def test_a_step_of_one_in_the_background_is_asked_to_end_too(check_cuda: ModuleType, tmp_path: Path):
    """A shell has Ctrl-C ignored there, and so have its children."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with (tmp_path / "a.log").open("w") as log:
            found = check_cuda.run(check_cuda.Step("a", [sys.executable, "-c", SLEEPER], 10), 10, log)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (found.outcome, found.output) == ("timed out", "so far\n")


def test_steps_of_check_cuda_are_chosen_by_name_or_run_without_demand(check_cuda: ModuleType):
    names = [step.name for step in check_cuda.chosen([])]
    assert names == [
        "build",
        "operators",
        "large",
        "tests",
        "memcheck",
        "racecheck",
        "memcheck_wide",
        "racecheck_wide",
    ]
    assert [step.name for step in check_cuda.chosen(["ncu", "build"])] == ["build", "ncu"]
    (bench,) = check_cuda.chosen(["bench_ops"])
    command = check_cuda.filled(bench, {"{results}": "here", "{commit}": "abc"}).command
    assert "here/ops_gpu.json" in command and "abc" in command


def test_a_failure_is_told_before_a_run_is_cut_off(check_cuda: ModuleType, tmp_path: Path):
    """Its name and its reason."""
    (tmp_path / "test_two.py").write_text(
        "import time\ndef test_one(): assert 2 == 3\ndef test_other(): time.sleep(60)\n"
    )
    command = [*check_cuda.PYTEST, str(tmp_path / "test_two.py")]
    step = check_cuda.Step("tests", command, 8.0)
    with (tmp_path / "log").open("w") as log:
        outcome = check_cuda.run(step, step.limit, log)
    assert outcome.outcome == "timed out"
    told = (tmp_path / "log").read_text()
    assert "test_two.py::test_one call" in told and "assert 2 == 3" in told
    assert told.index("assert 2 == 3") < told.index("test_other")
