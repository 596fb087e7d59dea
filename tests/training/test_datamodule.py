"""Order and augmentation depend on (seed, epoch) alone; splits and overfitting choose the right items."""

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
    names = [sample.name for batch in batches for sample in batch.samples]
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


def test_evaluation_splits_come_in_order_and_unaugmented(data):
    for loader, split in ((data.val_dataloader(), "validation"), (data.test_dataloader(), "test")):
        dataset = data.dataset(split)
        samples = [sample for batch in loader for sample in batch.samples]
        assert [sample.name for sample in samples] == [item.name for item in dataset.items]
        assert (samples[0].partial_coords == dataset[0].partial_coords).all()


def test_overfitting_trains_and_validates_on_the_same_plain_items(data):
    data.overfit, data.augment = 1, None
    trained, validated = next(iter(data.train_dataloader())), next(iter(data.val_dataloader()))
    assert [s.name for s in trained.samples] == [s.name for s in validated.samples]
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
