"""What errors of other processes say on the command line."""

import errno
import os

import pytest
from torch.utils.data import DataLoader, Dataset

from completion.cli.errors import sentence


class Unreadable(Dataset[int]):
    """Raises an error when an item is read."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        raise self.error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("Sample.load: a.npz must be a sample;\nValueError: remove it"), None),
        (PermissionError(13, "Permission denied", "a.npz"), "[Errno 13] Permission denied: 'a.npz'"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_of_a_loaders_process_is_the_sentence_it_had(error: Exception, words: str | None):
    with pytest.raises(type(error)) as raised:
        list(DataLoader(Unreadable(error), num_workers=1))
    assert sentence(raised.value) == (words or " ".join(str(error).split()))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_of_a_full_disk_says_which_disks_it_may_be(number: int):
    words = sentence(OSError(number, os.strerror(number)))
    assert words.startswith(f"{os.strerror(number)}, in a file that the system does not name; make room on")
    assert "run folder, the cache or the output" in words
    assert sentence(OSError(number, os.strerror(number), "a.npz")) == f"{os.strerror(number)}: a.npz"
