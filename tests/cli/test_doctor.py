"""completion doctor: its report, its exit code, and that a broken part becomes a line and not a crash."""

import json
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from completion.cli import diagnosis, doctor, system_packages
from completion.cli.diagnosis import Check, ProbeResult
from completion.cli.main import main

GOOD = Check("python", True, True, "3.11.7")
BAD = Check("native library", False, True, "no compiler", "apt-get install g++")
WARNING = Check("wandb", False, False, "not installed", "pip install wandb")


@pytest.fixture
def diagnosed(monkeypatch):
    """Makes `completion doctor` find the given checks."""

    def find(*checks: Check) -> None:
        monkeypatch.setattr(doctor, "diagnose", lambda render, timeout: list(checks))

    return find


def test_json_is_one_object_on_stdout(diagnosed, capsys):
    diagnosed(GOOD, WARNING)
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    assert [check["name"] for check in report["checks"]] == ["python", "wandb"]


def test_a_required_part_that_fails_gives_exit_code_2_and_its_name(diagnosed, capsys):
    diagnosed(GOOD, BAD)
    assert main(["doctor", "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["ok"] is False
    assert "not in order: native library" in captured.err


def test_lines_mark_each_finding_and_advise_below_it(diagnosed, capsys):
    diagnosed(GOOD, WARNING)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ok", "python", "3.11.7"]
    assert lines[1].split()[0] == "warn"
    assert lines[2].split() == ["->", "pip", "install", "wandb"]


def test_an_unknown_key_is_refused(capsys):
    assert main(["doctor", "rendre=false"]) == 2
    assert "rendre" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (-11, "", "killed by signal 11"),
        (
            1,
            "noise\nTraceback (most recent call last):\n  File x\nImportError: libGL.so.1\n",
            "ImportError: libGL.so.1",
        ),
        (
            1,
            "Traceback (most recent call last):\n  File x\nImportError: no build\nx\na.cpp:1: error: no\n",
            "ImportError: no build; a.cpp:1: error: no",
        ),
    ],
)
def test_a_failed_process_is_told_in_one_line(status, text, expected):
    assert diagnosis.failure(status, text) == expected


def test_a_probe_that_raises_becomes_its_error():
    assert diagnosis.probe("no_such_probe", timeout=60).error == "KeyError: 'no_such_probe'"


def test_a_probe_that_hangs_becomes_its_error():
    assert diagnosis.probe("torch_build", timeout=0.01).error == "no answer within 0.01 s"


def test_torch_is_probed_for_real():
    found = diagnosis.probe("torch_build", timeout=120).values["version"]
    assert (
        Version(found).public == Version(metadata.version("torch")).public
    )  # torch adds its build: +cpu, +cu130


@pytest.mark.parametrize(
    ("requirement", "ok", "detail"),
    [
        ("pytest>=1", True, metadata.version("pytest")),
        ("pytest>=999", False, f"{metadata.version('pytest')}, needs >=999"),
        ("no-such-package", False, "not installed"),
    ],
)
def test_packages_are_judged_by_their_version(requirement, ok, detail):
    check = diagnosis.package_check(Requirement(requirement))
    assert (check.ok, check.detail, check.required) == (ok, detail, True)
    assert requirement in check.advice


def test_weights_and_biases_is_optional():
    assert not diagnosis.package_check(Requirement("wandb>=9999")).required


def test_a_native_library_that_does_not_load_is_required():
    check = diagnosis.native_check(ProbeResult({}, "ImportError: no g++"), ProbeResult({}))
    assert (check.ok, check.required, check.detail) == (False, True, "ImportError: no g++")


@pytest.mark.parametrize(
    ("devices", "cuda", "ok"), [([], False, True), (["A GPU"], False, False), (["A GPU"], True, True)]
)
def test_a_gpu_without_cuda_kernels_is_a_warning(devices, cuda, ok):
    library = {
        "cuda": cuda,
        "ahead_of_time": False,
        "path": "x.so",
        "compiler": "g++",
        "cuda_compiler": "none",
    }
    check = diagnosis.native_check(ProbeResult(library), ProbeResult({"devices": devices}))
    assert (check.ok, check.required) == (ok, False)
    assert check.advice == "completion build cuda=true"


def test_a_picture_that_fails_is_required_and_names_the_drivers():
    check = diagnosis.off_screen_check(ProbeResult({}, "RuntimeError: no driver"))
    assert (check.ok, check.required, check.detail) == (False, True, "RuntimeError: no driver")
    assert "apt-get install" in check.advice


def test_missing_system_packages_come_as_one_line(monkeypatch):
    monkeypatch.setattr(system_packages, "can_load", lambda library: library != "libusb-1.0.so.0")
    monkeypatch.setattr(system_packages, "has_compiler", lambda: False)
    monkeypatch.setattr(system_packages, "has_vulkan_driver", lambda: True)
    monkeypatch.setattr(system_packages.sys, "platform", "linux")
    check = diagnosis.system_package_check()
    assert check.detail == "missing: g++ libusb-1.0-0"
    assert check.advice.endswith("install -y --no-install-recommends g++ libusb-1.0-0")


def test_a_library_that_is_not_there_cannot_be_loaded():
    assert not system_packages.can_load("libnothing-of-this-name.so.7")
