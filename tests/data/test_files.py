"""Atomic writing: the old file or the whole new one, and nothing left beside it; whole folders likewise."""

import os
import subprocess
import sys

import pytest

from completion.data.files import atomic_folder, atomic_path, sweep_unfinished, unfinished_folder


def test_writes_the_file_and_makes_its_folder(tmp_path):
    target = tmp_path / "new" / "a.txt"
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".txt"
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


def test_keeps_the_old_file_and_leaves_nothing_when_writing_fails(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="stop"), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError("stop")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_fails_before_writing_anything_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "a.txt"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_folder_gets_its_name_when_it_is_whole(tmp_path):
    for existing in (False, True):
        target = tmp_path / str(existing) / "made"
        if existing:
            target.mkdir(parents=True)
        with atomic_folder(target) as temporary:
            (temporary / "a.txt").write_text("whole")
            assert temporary.parent == target.parent and not (target / "a.txt").exists()
        assert (target / "a.txt").read_text() == "whole"
        assert [path.name for path in target.parent.iterdir()] == ["made"]


def test_a_folder_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="stop"), atomic_folder(tmp_path / "made") as temporary:
        (temporary / "a.txt").write_text("half")
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "folder"])
def test_a_place_in_use_is_refused(tmp_path, place):
    (tmp_path / "folder").mkdir()
    for file in (tmp_path / "file", tmp_path / "folder" / "a.txt"):
        file.write_text("mine")
    with pytest.raises(ValueError, match="must be a new or empty folder"), atomic_folder(tmp_path / place):
        pytest.fail("nothing may be made here")
    assert (tmp_path / "folder" / "a.txt").read_text() == (tmp_path / "file").read_text() == "mine"


def test_sweeps_what_killed_processes_left_and_nothing_else(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    own = unfinished_folder(tmp_path / "a")
    dead = own.with_name(own.name.replace(f"-{os.getpid()}-", f"-{process.pid}-"))
    parent = own.with_name(own.name.replace(f"-{os.getpid()}-", f"-{os.getppid()}-"))
    elsewhere = tmp_path / f".part-00000000-{process.pid}-abcdef01-a"
    others = [own, parent, elsewhere, tmp_path / "a", tmp_path / ".part-notes"]
    for path in (dead, *others):
        path.mkdir()
        (path / "index.json").touch()
    sweep_unfinished(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(others)
    assert all((path / "index.json").is_file() for path in others)
    sweep_unfinished(tmp_path / "none")
