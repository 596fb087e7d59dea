"""A torch Dataset over a prepared folder (index.json and NPZ files); makes no data itself."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from completion.data.augment import NUM_SYMMETRIES, turned
from completion.data.sample import Sample
from completion.data.splits import SPLITS


@dataclass(frozen=True)
class PreparedItem:
    """One line of a prepared folder's index: what a sample is, unloaded; `file` is relative to the folder."""

    name: str
    category: str
    group: str
    split: str
    view: int
    file: str


class PreparedDataset(Dataset[Sample]):
    """Samples of one split of a prepared folder.

    Args:
        folder: what `Preparation.run` wrote; holds index.json.
        split: train | validation | test.
        augment: turn each sample by one of the eight symmetries that keep y up, by (seed, epoch, index).
        seed: of the augmentation.
    """

    def __init__(self, folder: str | Path, split: str, augment: bool = False, seed: int = 0) -> None:
        if split not in SPLITS:
            raise ValueError(f"PreparedDataset: split must be one of {', '.join(SPLITS)}, got {split!r}")
        self.folder = Path(folder)
        self.split = split
        self.augment = augment
        self.seed = seed
        self.items = [item for item in read_index(self.folder) if item.split == split]
        # In shared memory, so that workers that live across epochs see the new epoch too.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Sample:
        sample = Sample.load(self.folder / self.items[index].file)
        if not self.augment:
            return sample
        rng = np.random.default_rng([self.seed, int(self._epoch), index % len(self)])
        return turned(sample, int(rng.integers(NUM_SYMMETRIES)))

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch of the augmentation; without this call every epoch sees the same turns."""
        self._epoch.fill_(epoch)


def read_index(folder: Path) -> list[PreparedItem]:
    """Returns the samples listed in a prepared folder's index.json.

    Raises:
        FileNotFoundError: if there is none: the folder was never prepared, or its preparation did not finish.
        ValueError: if it is not such an index.
    """
    path = folder / "index.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"PreparedDataset: folder must hold index.json, got {folder}; prepare the data first"
        )
    try:
        return [PreparedItem(**item) for item in json.loads(path.read_text(encoding="utf-8"))["items"]]
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"PreparedDataset: {path} must be an index of prepared samples, got {error}; prepare again"
        ) from error
