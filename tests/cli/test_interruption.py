"""Ctrl-C is one line at any moment, also while modules are being imported."""

import subprocess
import sys

import numpy as np
import pytest

from completion.cli.main import main
from completion.data import camera

AT_AN_IMPORT = """
import sys
class Stop:
    def find_spec(self, name, *rest):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stop())
from completion.cli.main import main
sys.exit(main(["report", "run=none"]))
"""


@pytest.mark.parametrize("module", ["hydra", "completion.cli.report", "torch"])
def test_while_modules_are_imported(module, tmp_path):
    command = [sys.executable, "-c", AT_AN_IMPORT.format(module=module)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, "completion report: interrupted\n")


@pytest.mark.usefixtures("in_empty_folder")
def test_that_a_module_in_c_made_an_import_error_of(capfd, monkeypatch):
    """So do those made with pybind11."""

    def break_off(cfg):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise ImportError("initialization failed") from interrupt

    monkeypatch.setattr("completion.cli.train.run", break_off)
    assert main(["train"]) == 130
    assert capfd.readouterr().err == "completion train: interrupted\n"


@pytest.mark.usefixtures("in_empty_folder")
def test_that_what_went_wrong_after_it_is_told(capfd, monkeypatch):
    """As a disk that is full when a training saves what it has."""

    def save_last(cfg):
        try:
            raise KeyboardInterrupt
        finally:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("completion.cli.train.run", save_last)
    assert main(["train"]) == 2
    assert "No space left on device" in capfd.readouterr().err


class Broken:
    """Finds Open3D, which then cannot be loaded."""

    def find_spec(self, name, *rest):
        if name == "open3d":
            raise ImportError("libGL.so.1: cannot open shared object file")


def test_only_a_package_that_is_missing_is_called_so(monkeypatch):
    vertices, faces = np.eye(3), np.array([[0, 1, 2]])
    monkeypatch.setitem(sys.modules, "open3d", None)
    with pytest.raises(ImportError, match="which is not installed"):
        camera._ray_scene(vertices, faces)
    monkeypatch.delitem(sys.modules, "open3d")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(ImportError, match="libGL"):
        camera._ray_scene(vertices, faces)
