"""Batches: the batch index comes first, empty items keep their place."""

import dataclasses

import numpy as np
import torch

from completion.data.collate import batched_coords, collate, collate_coords


def test_rows_carry_their_items_index(sample):
    batch = collate([sample, sample])
    count = len(sample.partial_coords)
    assert batch.batch_size == 2
    assert batch.partial_coords.dtype == torch.int32
    assert batch.partial_coords[:, 0].tolist() == [0] * count + [1] * count
    assert torch.equal(batch.partial_coords[count:, 1:], torch.from_numpy(sample.partial_coords))
    assert batch.complete_coords.shape == (2 * len(sample.complete_coords), 4)


def test_an_empty_item_keeps_its_place(sample):
    empty = dataclasses.replace(sample, partial_coords=np.empty((0, 3), dtype=np.int32))
    batch = collate([sample, empty, sample])
    assert batch.batch_size == 3
    assert batch.partial_coords[:, 0].unique().tolist() == [0, 2]


def test_no_items_and_empty_items_alone():
    assert batched_coords([]).shape == (0, 4)
    assert batched_coords([np.empty((0, 3), dtype=np.int32)]).shape == (0, 4)


def test_moves_to_a_device(sample, device):
    batch = collate([sample]).to(device)
    assert batch.partial_coords.device.type == device.type
    assert batch.samples == [sample]
    assert batch.names == [sample.name]


def test_training_needs_no_samples(sample):
    batch, whole = collate_coords([sample, sample]), collate([sample, sample])
    assert (batch.batch_size, batch.names, batch.samples) == (2, whole.names, [])
    assert torch.equal(batch.partial_coords, whole.partial_coords)
    assert torch.equal(batch.complete_coords, whole.complete_coords)
