"""scripts/environment: each of its functions under a machine that is made up for the test."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None, reason="the scripts need bash")


def run(commands: str, **variables: str) -> subprocess.CompletedProcess:
    """Sources scripts/environment in bash and runs the commands, these variables in its environment."""
    text = f"set -euo pipefail; source scripts/environment; {commands}"
    environment = {key: value for key, value in os.environ.items() if key not in ("TORCH_INDEX", "PYTHON")}
    return subprocess.run(
        [str(BASH), "-c", text],
        cwd=ROOT,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def pip_without_settings(tmp_path):
    """A `python` whose pip has no settings of its own."""
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\nexit 0\n")
    fake.chmod(0o755)
    return f"python={fake};"


def test_an_index_named_by_the_user_wins(pip_without_settings):
    assert (
        run(pip_without_settings + "torch_index", TORCH_INDEX="file:///wheels").stdout.strip()
        == "file:///wheels"
    )


def test_an_empty_index_means_the_default_one(pip_without_settings):
    assert run(pip_without_settings + "torch_index", TORCH_INDEX="").stdout.strip() == ""


def test_a_pip_with_settings_is_left_alone(tmp_path):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho \"global.find-links='/wheels'\"\n")
    fake.chmod(0o755)
    assert run(f"python={fake}; torch_index").stdout.strip() == ""


@pytest.mark.skipif(
    not Path("/proc/version").exists()
    or Path("/proc/driver/nvidia/version").exists()
    or Path("/dev/dxg").exists(),
    reason="Linux without an NVIDIA driver alone takes the CPU build",
)
def test_linux_without_a_driver_takes_the_cpu_build(pip_without_settings):
    assert run(pip_without_settings + "torch_index").stdout.strip().endswith("/cpu")


def test_a_python_that_does_not_start_is_passed_over(tmp_path):
    for name, status in (("python3", 1), ("python3.13", 127), ("python3.12", 0)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {status}\n")
        (tmp_path / name).chmod(0o755)
    assert run("find_python", PATH=f"{tmp_path}:{os.environ['PATH']}").stdout.strip() == "python3.12"


def test_no_fitting_python_is_said_in_a_sentence():
    result = run("ensure_python", PYTHON="/nonexistent/python")
    assert result.returncode == 2
    assert "needs Python 3.11" in result.stderr


def test_without_root_the_missing_packages_come_as_one_line():
    result = run("is_root() { false; }; apt-get() { echo called; }; install_system_packages libgl1 g++")
    assert result.returncode == 2
    assert "sudo apt-get install -y --no-install-recommends libgl1 g++" in result.stderr
    assert "called" not in result.stdout


def test_a_failing_step_shows_its_output_and_where_the_rest_is(tmp_path):
    result = run(
        f"log={tmp_path}/install.log; quietly 'doing it' sh -c 'echo the reason; exit 3'; echo went on"
    )
    assert result.returncode == 2
    assert "the reason" in result.stderr
    assert "doing it: failed (exit status 3)" in result.stderr
    assert "went on" not in result.stdout


def test_an_unchanged_stamp_installs_nothing(tmp_path):
    commands = (
        f"root={tmp_path}; mkdir -p $root/.venv; cat constraints.txt pyproject.toml | sha256sum"
        " >$root/.venv/installed-dev; quietly() { echo installs; }; install_packages dev; echo over"
    )
    assert run(commands).stdout.strip() == "over"
