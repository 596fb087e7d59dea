"""NPZ archives that are quick to write: what deflates well is packed lightly, the rest is stored."""

import errno
import io
import os
import zipfile

import numpy as np

from completion.data.files import atomic_path


def save_archive(
    path: str | os.PathLike[str], packed: dict[str, np.ndarray], stored: dict[str, np.ndarray]
) -> None:
    """Writes an NPZ that `numpy.load` reads, atomically.

    numpy offers all packed hard or nothing packed; hard packing takes most of the time of preparing a sample
    and gains nothing on coordinates measured with noise.

    Args:
        path: the file.
        packed: arrays worth packing, by name; integers and text.
        stored: the others.
    """
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for arrays, method in ((packed, zipfile.ZIP_DEFLATED), (stored, zipfile.ZIP_STORED)):
            for name, array in arrays.items():
                # A fixed date keeps equal samples equal byte for byte.
                entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, np.asarray(array, order="C"), allow_pickle=False)
                archive.writestr(entry, buffer.getbuffer(), compress_type=method, compresslevel=1)


def of_system(error: Exception) -> bool:
    """Whether an error of reading an archive tells of the system (rights, a drive, memory), not the file."""
    if isinstance(error, OSError):
        return error.errno not in (None, errno.EINVAL)  # broken packing, a seek to nowhere
    return isinstance(error, MemoryError)
