"""CompletionDataModule: prepares a source once and loads its splits in an order that a resumed run repeats.

Owns order, workers and splits; reading, simulating and voxelising are in completion.data.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Sampler, Subset

from completion.data.collate import Batch, collate, collate_coords
from completion.data.dataset import PreparedDataset
from completion.data.prepare import Preparation, Source
from completion.training.devices import check_processes
from completion.training.preparing import prepare

CALIBRATION_ITEMS = 48
MOST_WORKERS = 4
"""Beside a GPU. At 128³ one makes 16 items in 35 ms where a step takes 25."""


class EpochSampler(Sampler[int]):
    """A permutation of the rows for each epoch that depends on (seed, epoch) alone.

    Args:
        dataset: its `set_epoch` is told the epoch whenever a pass begins.
        seed: of the permutations.
        epoch: of the first pass.
        rows: the rows to draw from; all by default.
    """

    def __init__(self, dataset: PreparedDataset, seed: int, epoch: int = 0, rows: int | None = None) -> None:
        self.dataset = dataset
        self.seed = seed
        self.epoch = epoch
        self.num_rows = len(dataset) if rows is None else rows

    def set_epoch(self, epoch: int) -> None:
        """Chooses the permutation; Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_rows

    def __iter__(self) -> Iterator[int]:
        self.dataset.set_epoch(self.epoch)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return iter(torch.randperm(self.num_rows, generator=generator).tolist())


class CompletionDataModule(LightningDataModule):
    """Loaders of a prepared source.

    Args:
        source: where shapes come from.
        preparation: how they become samples; its result is cached.
        batch_size: items per batch.
        num_workers: loader processes; 0 loads in the training process. None is up to `MOST_WORKERS` for each
            GPU that trains, else 0: a training on the CPU needs its cores itself.
        augment: of training samples: turns (quarters about the upright axis, and mirrored), mirror or None.
        seed: of order and augmentation.
        overfit: train and validate on this many training items, unaugmented; None for the real splits.
    """

    def __init__(
        self,
        source: Source,
        preparation: Preparation,
        batch_size: int = 8,
        num_workers: int | None = None,
        augment: str | None = "turns",
        seed: int = 0,
        overfit: int | None = None,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"CompletionDataModule: batch_size must be at least 1, got {batch_size}")
        if num_workers is not None and num_workers < 0:
            raise ValueError(
                f"CompletionDataModule: num_workers must be at least 0 or null, got {num_workers}"
            )
        check_processes("CompletionDataModule: num_workers", num_workers)
        if not 0 <= seed < 2**32:
            raise ValueError(f"CompletionDataModule: seed must be in 0…2³² − 1, got {seed}")
        if overfit is not None and overfit < 1:
            raise ValueError(f"CompletionDataModule: overfit must be at least 1 or null, got {overfit}")
        self.source = source
        self.preparation = preparation
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.augment = augment if overfit is None else None
        self.seed = seed
        self.overfit = overfit
        self.folder: Path | None = None

    def prepare_data(self) -> None:
        """Runs the preparation; returns at once when its result is cached."""
        self.folder = Path(prepare(self.preparation, self.source).path)

    def dataset(self, split: str, augment: str | None = None) -> PreparedDataset:
        """The samples of a split: train, validation or test; only training asks for an augmentation."""
        if self.folder is None:
            self.prepare_data()
        assert self.folder is not None
        dataset = PreparedDataset(self.folder, split, augment, self.seed)
        if len(dataset) == 0:
            raise ValueError(
                f"CompletionDataModule: the {split} split must have samples, got none in {self.folder}; "
                "give the source more shapes or another division"
            )
        return dataset

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled by (seed, epoch); begins at the trainer's epoch, also after a resume."""
        dataset = self.dataset("train", self.augment)
        rows = None if self.overfit is None else min(self.overfit, len(dataset))
        sampler = EpochSampler(dataset, self.seed, self._epoch(), rows)
        return self._loader(dataset, sampler, collate_fn=collate_coords)

    def val_dataloader(self) -> DataLoader[Batch]:
        """The validation split in order; when overfitting, the items that are trained on."""
        if self.overfit is None:
            return self._loader(self.dataset("validation"))
        dataset = self.dataset("train")
        return self._loader(Subset(dataset, range(min(self.overfit, len(dataset)))))

    def calibration_dataloader(self) -> DataLoader[Batch]:
        """At most `CALIBRATION_ITEMS` of the validation split, evenly spaced."""
        dataset = self.dataset("validation")
        step = -(-len(dataset) // CALIBRATION_ITEMS)
        return self._loader(Subset(dataset, range(0, len(dataset), step)))

    def test_dataloader(self) -> DataLoader[Batch]:
        """The test split in order."""
        return self._loader(self.dataset("test"))

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """The batch on a device; the host does not wait for its copies, which Lightning's own would do."""
        return batch.to(device, non_blocking=device.type == "cuda")

    def _epoch(self) -> int:
        # The loader's first iterator is made before Lightning tells the sampler the epoch of a resumed run.
        if not self.trainer:
            return 0
        progress = self.trainer.fit_loop.epoch_progress.current
        return progress.processed  # pyright: ignore[reportAttributeAccessIssue]

    def _num_gpus(self) -> int:
        """GPUs that train; none without a trainer."""
        trainer = self.trainer
        if trainer is None or trainer.strategy.root_device.type != "cuda":
            return 0
        return trainer.num_devices

    def _loader(self, dataset, sampler: EpochSampler | None = None, collate_fn=collate) -> DataLoader[Batch]:
        num_gpus = self._num_gpus()
        num_workers = _workers_beside(num_gpus) if self.num_workers is None else self.num_workers
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            sampler=sampler,
            num_workers=num_workers,
            # Batches that wait are in shared memory, of which a container has 64 MB unless it is told.
            prefetch_factor=1 if num_workers else None,
            persistent_workers=num_workers > 0,
            pin_memory=num_gpus > 0,
            collate_fn=collate_fn,
        )


def _workers_beside(num_gpus: int) -> int:
    """Loader processes of each of the processes that train on so many GPUs; each needs a core too."""
    if num_gpus == 0:
        return 0
    cores = len(os.sched_getaffinity(0)) // num_gpus
    return max(min(MOST_WORKERS, cores - 1), 0)
