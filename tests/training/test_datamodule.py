"""Order and augmentation depend on (seed, epoch) alone; splits and overfitting choose the right items."""

from types import SimpleNamespace

import pytest
import torch

from completion.data.prepare import Preparation
from completion.data.toy import ToyShapes
from completion.training.datamodule import CompletionDataModule


def epoch_of(data: CompletionDataModule, epoch: int, loader=None) -> tuple[list[str], torch.Tensor]:
    """Names and input voxels of an epoch, in order."""
    loader = data.train_dataloader() if loader is None else loader
    loader.sampler.set_epoch(epoch)
    batches = list(loader)
    names = [name for batch in batches for name in batch.names]
    return names, torch.cat([batch.partial_coords for batch in batches])


def test_each_epoch_has_its_own_order_and_a_later_start_repeats_it(data):
    loader = data.train_dataloader()
    first, second = epoch_of(data, 0, loader), epoch_of(data, 1, loader)
    assert sorted(first[0]) == sorted(second[0])
    assert first[0] != second[0]
    afresh = epoch_of(data, 1)
    assert afresh[0] == second[0]
    assert torch.equal(afresh[1], second[1])


def test_another_seed_gives_another_order(data):
    before = epoch_of(data, 0)[0]
    data.seed = 1
    assert epoch_of(data, 0)[0] != before


def test_workers_that_live_on_see_each_epoch(data):
    expected = [epoch_of(data, epoch) for epoch in range(3)]
    data.num_workers = 1
    loader = data.train_dataloader()
    for epoch in range(3):
        names, coords = epoch_of(data, epoch, loader)
        assert names == expected[epoch][0]
        assert torch.equal(coords, expected[epoch][1])


def test_training_is_not_handed_the_points(data):
    assert all(batch.names and not batch.samples for batch in data.train_dataloader())
    assert all(len(batch.samples) == len(batch.names) for batch in data.val_dataloader())


@pytest.mark.parametrize(
    ("given", "device", "gpus", "cores", "expected"),
    [
        (None, "cuda", 1, 16, 4),
        (None, "cuda", 8, 16, 1),
        (None, "cuda", 1, 3, 2),
        (None, "cuda", 2, 1, 0),
        (None, "cpu", 1, 16, 0),
        (0, "cuda", 1, 16, 0),
        (7, "cpu", 1, 2, 7),
    ],
)
def test_loads_beside_a_gpu(data, monkeypatch, given, device, gpus, cores, expected):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)))
    strategy = SimpleNamespace(root_device=torch.device(device))
    data.num_workers, data.trainer = given, SimpleNamespace(strategy=strategy, num_devices=gpus)
    loader = data.val_dataloader()
    assert loader.num_workers == expected
    assert loader.pin_memory == (device == "cuda")


def test_evaluation_splits_come_in_order_and_unaugmented(data):
    for loader, split in ((data.val_dataloader(), "validation"), (data.test_dataloader(), "test")):
        dataset = data.dataset(split)
        samples = [sample for batch in loader for sample in batch.samples]
        assert [sample.name for sample in samples] == [item.name for item in dataset.items]
        assert (samples[0].partial_coords == dataset[0].partial_coords).all()


def test_overfitting_trains_and_validates_on_the_same_plain_items(data):
    data.overfit, data.augment = 1, None
    trained, validated = next(iter(data.train_dataloader())), next(iter(data.val_dataloader()))
    assert trained.names == validated.names
    assert torch.equal(trained.complete_coords, validated.complete_coords)


def test_refuses_a_batch_of_nothing_and_an_empty_split(cache_dir):
    source, preparation = (
        ToyShapes(num_train=1, num_validation=0, num_test=0),
        Preparation(cache_dir, 16, views=1),
    )
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        CompletionDataModule(source, preparation, batch_size=0)
    with pytest.raises(ValueError, match="validation split must have samples"):
        CompletionDataModule(source, preparation).val_dataloader()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"seed": -1}, "seed must be in 0…2³² − 1, got -1"),
        ({"seed": 2**32}, "seed must be in 0…2³² − 1, got 4294967296"),
        ({"num_workers": 10**9}, "num_workers must be at most 8000 on this machine, got 1000000000"),
    ],
)
def test_refuses_what_would_fail_once_it_loads(cache_dir, monkeypatch, given, words):
    monkeypatch.setattr("os.cpu_count", lambda: 1000)
    preparation = Preparation(cache_dir, 16, views=1)
    CompletionDataModule(ToyShapes(), preparation, num_workers=8000, seed=2**32 - 1)
    with pytest.raises(ValueError, match=words):
        CompletionDataModule(ToyShapes(), preparation, **given)
