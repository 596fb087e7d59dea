"""keep_freed_memory: a process reuses the memory of freed tensors instead of asking the system anew."""

import ctypes
import os

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3

LARGEST = 2**31 - 1  # mallopt takes a C int
NEVER = -1
TOP_PAD = 64 * 2**20
ENVIRONMENT = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """Tells glibc's allocator to keep freed memory, of blocks up to 2 GiB, for the next allocation.

    By default it takes blocks above 32 MiB from the system and gives them back when they are freed. The
    features of a level at 128³ are such blocks, and the system clears each new page of them at about ten
    times the cost of writing it. Applies to the whole process, so an application calls it, never an import.

    Returns:
        Whether it took effect: False where the C library is another one, or where the environment sets the
        allocator (MALLOC_…_, GLIBC_TUNABLES), which is left alone.
    """
    if any(name in os.environ for name in ENVIRONMENT):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    settings = {M_MMAP_THRESHOLD: LARGEST, M_TRIM_THRESHOLD: NEVER, M_TOP_PAD: TOP_PAD}
    done = [mallopt(name, value) == 1 for name, value in settings.items()]
    return all(done)
