"""Folders of scans alone: every point file, in the split test, turned to y up."""

import os

import numpy as np
import pytest

from completion.data.scan_folder import ScanFolder


def test_lists_and_turns(tmp_path):
    (tmp_path / "desk").mkdir()
    (tmp_path / "a.xyz").write_text("1 2 3\n4 5 6\n")
    (tmp_path / "desk" / "b.csv").write_text("x,y,z\n1,2,3\n")
    (tmp_path / "manifest.csv").write_text("path\na.xyz\n")
    source = ScanFolder(tmp_path, up=(0, 0, 1))
    items = source.items()
    assert [(item.name, item.category, item.split) for item in items] == [
        ("a.xyz", "scan", "test"),
        ("desk__b.csv", "desk", "test"),
    ]
    np.testing.assert_allclose(source.load(items[0]).points, [[1, 3, -2], [4, 6, -5]], atol=1e-12)
    assert source.fingerprint() == ScanFolder(tmp_path, up=(0, 0, 1)).fingerprint()


def test_an_empty_folder_says_what_was_looked_for(tmp_path):
    with pytest.raises(ValueError, match=r"ScanFolder: root must hold files \.ply"):
        ScanFolder(tmp_path).items()
    with pytest.raises(FileNotFoundError, match="root must be an existing folder"):
        ScanFolder(tmp_path / "missing").items()


def test_a_folder_that_may_not_be_read_is_not_called_empty(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "a.xyz").write_text("1 2 3\n4 5 6\n")
    monkeypatch.setattr(os, "scandir", refuse)  # for root, chmod takes nothing away
    with pytest.raises(PermissionError, match="Permission denied"):
        ScanFolder(tmp_path).items()


@pytest.mark.parametrize("root", ["scans", "scans/../scans"])
def test_results_below_the_root_are_no_scans(tmp_path, monkeypatch, root):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scans" / "done").mkdir(parents=True)
    for name in ("a.xyz", "done/a.xyz", "done.xyz"):
        (tmp_path / "scans" / name).write_text("1 2 3\n4 5 6\n")

    def names(results) -> list[str]:
        return [item.name for item in ScanFolder(root, results=results).items()]

    assert names("scans/done") == names(tmp_path / "scans" / "done") == ["a.xyz", "done.xyz"]
    assert len(names("elsewhere")) == len(names(None)) == 3
    assert len(ScanFolder("scans/done", results="scans").items()) == 1
    (tmp_path / "scans" / "done").rename(tmp_path / "done")
    (tmp_path / "scans" / "done").symlink_to(tmp_path / "done")
    assert names("scans/done") == names("done") == ["a.xyz", "done.xyz"], "also behind a link"
