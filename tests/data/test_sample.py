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


def test_loads_nothing_pickled(tmp_path):
    np.savez(tmp_path / "a.npz", text=np.array([{"a": 1}], dtype=object), origin=np.zeros(3))
    with pytest.raises(ValueError, match="must be a prepared sample"):
        Sample.load(tmp_path / "a.npz")
