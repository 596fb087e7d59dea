"""A torch Dataset over a prepared folder (index.json and NPZ files); makes no data itself."""

from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from completion.data.augment import FAMILIES, turned
from completion.data.index import PreparedItem, read_index
from completion.data.sample import Sample
from completion.data.splits import SPLITS

KEPT_BYTES = 2**28
"""Samples are kept in memory, as they were read, up to this many bytes a data set and process."""


class PreparedDataset(Dataset[Sample]):
    """Samples of one split of a prepared folder; those that fit in `KEPT_BYTES` are read once.

    Args:
        folder: what `Preparation.run` wrote; holds index.json.
        split: train | validation | test.
        augment: turns: each sample under one of the eight symmetries that keep y up, by (seed, epoch, index);
            mirror: as it is or with left and right (x) swapped; None: as it is.
        seed: of the augmentation.
    """

    def __init__(self, folder: str | Path, split: str, augment: str | None = None, seed: int = 0) -> None:
        if split not in SPLITS:
            raise ValueError(f"PreparedDataset: split must be one of {', '.join(SPLITS)}, got {split!r}")
        if augment is not None and augment not in FAMILIES:
            raise ValueError(
                f"PreparedDataset: augment must be one of {', '.join(FAMILIES)} or null, got {augment!r}"
            )
        self.folder = Path(folder)
        self.split = split
        self.augment = augment
        self.seed = seed
        self.items = [item for item in read_index(self.folder)[0] if item.split == split]
        self._kept: dict[str, Sample] = {}
        self._kept_bytes = 0
        # In shared memory, so that workers that live across epochs see the new epoch too.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Sample:
        item = self.items[index]
        sample = self._kept.get(item.file)
        if sample is None:
            sample = Sample.load(self.folder / item.file)
            self._check(item, sample)
            self._keep(item.file, sample)
        if self.augment is None:
            return sample
        rng = np.random.default_rng([self.seed, int(self._epoch), index % len(self)])
        return turned(sample, int(rng.choice(FAMILIES[self.augment])))

    def _check(self, item: PreparedItem, sample: Sample) -> None:
        """Refuses a file that holds another sample than the index says, as a copied or renamed one does."""
        if (sample.name, sample.view) != (item.name, item.view):
            raise ValueError(
                f"PreparedDataset: {self.folder / item.file} must hold view {item.view} of {item.name}, "
                f"got view {sample.view} of {sample.name}; remove it and prepare the data again"
            )

    def _keep(self, file: str, sample: Sample) -> None:
        """Keeps the sample if there is room. It is shared from then on: nobody writes to its arrays."""
        if self._kept_bytes + sample.num_bytes <= KEPT_BYTES:
            self._kept[file] = sample
            self._kept_bytes += sample.num_bytes

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch of the augmentation; without this call every epoch sees the same turns."""
        self._epoch.fill_(epoch)
