"""The prepared data set: what the index lists, seeded augmentation, and clear words for what is missing."""

import dataclasses
import json

import numpy as np
import pytest
from torch.utils.data import DataLoader

from completion.data import dataset as dataset_module
from completion.data.collate import collate
from completion.data.dataset import PreparedDataset


@pytest.fixture
def folder(sample, tmp_path):
    """A prepared folder of four training samples and one for testing."""
    items = []
    for number in range(5):
        split = "test" if number == 4 else "train"
        file = f"{split}/s{number}_0.npz"
        dataclasses.replace(sample, name=f"s{number}", view=0).save(tmp_path / file)
        items.append(
            {"name": f"s{number}", "category": "c", "group": "g", "split": split, "view": 0, "file": file}
        )
    (tmp_path / "index.json").write_text(json.dumps({"items": items, "skipped": []}))
    return tmp_path


def test_lists_and_loads_one_split(folder, sample):
    dataset = PreparedDataset(folder, "train")
    assert [item.name for item in dataset.items] == ["s0", "s1", "s2", "s3"]
    assert len(dataset) == 4
    assert [loaded.name for loaded in dataset] == ["s0", "s1", "s2", "s3"]
    assert dataset[-1].name == "s3"
    np.testing.assert_array_equal(dataset[0].partial_coords, sample.partial_coords)
    assert len(PreparedDataset(folder, "validation")) == 0


def test_turns_follow_from_seed_epoch_and_index(folder):
    def turns(seed, epoch):
        dataset = PreparedDataset(folder, "train", augment="turns", seed=seed)
        dataset.set_epoch(epoch)
        return [loaded.complete_coords.tobytes() for loaded in dataset]

    assert turns(0, 3) == turns(0, 3)
    assert len({tuple(turns(0, epoch)) for epoch in range(6)}) > 3
    assert len({tuple(turns(seed, 0)) for seed in range(6)}) > 3


def test_workers_that_stay_alive_see_the_new_epoch(folder):
    dataset = PreparedDataset(folder, "train", augment="turns")
    loader = DataLoader(dataset, batch_size=4, num_workers=1, persistent_workers=True, collate_fn=collate)
    for epoch in (0, 5):
        dataset.set_epoch(epoch)
        (batch,) = list(loader)
        here = [dataset[i].complete_coords for i in range(4)]
        for got, wanted in zip(batch.samples, here, strict=True):
            np.testing.assert_array_equal(got.complete_coords, wanted)


def test_a_mirror_leaves_depth_and_height_alone(folder, sample):
    dataset = PreparedDataset(folder, "train", augment="mirror")
    seen = set()
    for epoch in range(8):
        dataset.set_epoch(epoch)
        moved = dataset[0].complete_coords
        np.testing.assert_array_equal(moved[:, 1:], sample.complete_coords[:, 1:])
        seen.add(moved.tobytes())
    assert len(seen) == 2


def test_says_what_is_missing(folder, tmp_path):
    with pytest.raises(ValueError, match="augment must be one of turns, mirror or null, got True"):
        PreparedDataset(folder, "train", augment=True)
    with pytest.raises(ValueError, match="split must be one of train, validation, test, got 'val'"):
        PreparedDataset(folder, "val")
    with pytest.raises(FileNotFoundError, match=r"must hold index\.json.*prepare the data first"):
        PreparedDataset(tmp_path / "elsewhere", "train")
    (folder / "index.json").write_text("{")
    with pytest.raises(ValueError, match=r"index\.json must be an index of prepared samples"):
        PreparedDataset(folder, "train")


def test_says_where_a_file_holds_another_sample(folder, sample):
    first, second = folder / "train" / "s0_0.npz", folder / "train" / "s1_0.npz"
    first.rename(folder / "aside")
    second.rename(first)
    (folder / "aside").rename(second)
    with pytest.raises(ValueError, match=r"s0_0\.npz must hold view 0 of s0, got view 0 of s1; remove it"):
        PreparedDataset(folder, "train")[0]
    dataclasses.replace(sample, name="s2", view=3).save(folder / "train" / "s2_0.npz")
    with pytest.raises(ValueError, match=r"s2_0\.npz must hold view 0 of s2, got view 3 of s2"):
        PreparedDataset(folder, "train")[2]


@pytest.mark.parametrize("room", [0, 10**6])
def test_reads_a_sample_once_if_there_is_room(folder, sample, monkeypatch, room):
    monkeypatch.setattr(dataset_module, "KEPT_BYTES", room)
    dataset = PreparedDataset(folder, "train", augment="turns")
    before = [loaded.complete_coords.copy() for loaded in dataset]
    for path in folder.glob("train/*.npz"):
        path.unlink()
    if room:
        for loaded, wanted in zip(dataset, before, strict=True):
            np.testing.assert_array_equal(loaded.complete_coords, wanted)
        assert dataset[-1].name == "s3"
    else:
        with pytest.raises(FileNotFoundError):
            dataset[0]


def test_keeps_no_more_than_there_is_room_for(folder, sample, monkeypatch):
    monkeypatch.setattr(dataset_module, "KEPT_BYTES", 2 * sample.num_bytes)
    dataset = PreparedDataset(folder, "train")
    assert len(list(dataset)) == 4
    for path in folder.glob("train/*.npz"):
        path.unlink()
    assert [dataset[0].name, dataset[1].name] == ["s0", "s1"]
    with pytest.raises(FileNotFoundError):
        dataset[2]
