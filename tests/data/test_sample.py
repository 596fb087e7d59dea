"""Prepared samples: what is written comes back, equal samples are equal files, damaged files are named."""

import dataclasses

import numpy as np
import pytest

from completion.data.sample import ARRAYS, Sample


def assert_same(a: Sample, b: Sample) -> None:
    """Field by field, values and dtypes."""
    for field in dataclasses.fields(Sample):
        first, second = getattr(a, field.name), getattr(b, field.name)
        if field.name in ARRAYS:
            assert second.dtype == ARRAYS[field.name]
            np.testing.assert_array_equal(first, second)
        else:
            assert first == second


def test_comes_back_as_it_was(sample, tmp_path):
    sample.save(tmp_path / "a.npz")
    assert_same(sample, Sample.load(tmp_path / "a.npz"))


def test_comes_back_when_empty_or_fine(sample, tmp_path):
    frame = dataclasses.replace(sample.frame, resolution=2**17)
    far = np.array([[2**17 - 1, 0, 40000]], dtype=np.int32)
    empty = np.empty((0, 3), dtype=np.int32)
    other = dataclasses.replace(sample, frame=frame, partial_coords=empty, complete_coords=far)
    other.save(tmp_path / "a.npz")
    assert_same(other, Sample.load(tmp_path / "a.npz"))


def test_equal_samples_are_equal_files(sample, tmp_path):
    sample.save(tmp_path / "a.npz")
    sample.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_names_a_damaged_file(sample, tmp_path):
    path = tmp_path / "a.npz"
    sample.save(path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"not an archive", b""):
        path.write_bytes(damaged)
        with pytest.raises(
            ValueError, match=r"a\.npz must be a prepared sample.*remove it and prepare the data again"
        ):
            Sample.load(path)
    np.savez(path, other=np.zeros(3))
    with pytest.raises(ValueError, match="must be a prepared sample"):
        Sample.load(path)
    with pytest.raises(
        FileNotFoundError, match=r"missing\.npz must be .* no such file; prepare the data again"
    ):
        Sample.load(tmp_path / "missing.npz")


def test_names_a_file_with_one_wrong_bit_in_its_directory(sample, tmp_path):
    """Versions, flags and methods that no archive has, among others; a few bits (dates) change nothing."""
    sample.save(tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    start = whole.index(b"PK\x01\x02")
    for place in range(start, start + 46):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            (tmp_path / "a.npz").write_bytes(damaged)
            try:
                assert_same(sample, Sample.load(tmp_path / "a.npz"))
            except ValueError as error:
                assert "a.npz must be a prepared sample" in str(error)


def test_what_the_system_refuses_is_no_damage(sample, tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "a.npz")

    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(PermissionError):
        Sample.load(tmp_path / "a.npz")


def test_loads_nothing_pickled(tmp_path):
    np.savez(tmp_path / "a.npz", text=np.array([{"a": 1}], dtype=object), origin=np.zeros(3))
    with pytest.raises(ValueError, match="must be a prepared sample"):
        Sample.load(tmp_path / "a.npz")
