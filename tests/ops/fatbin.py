"""What device code a shared object holds, read from its fat binaries (cuobjdump need not be installed).

A fat binary is a 16-byte header (magic, version, header bytes, total bytes) and entries of a header (kind, …,
header bytes, payload bytes, …, architecture at byte 28) with a payload.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

MAGIC = struct.pack("<IHH", 0xBA55ED50, 1, 16)
PTX, MACHINE_CODE = 1, 2


@dataclass(frozen=True)
class FatBinary:
    """Architectures of one fat binary, as in sm_90 → 90.

    Attributes:
        machine_code: architectures that it runs on as it is.
        ptx: architectures of the portable code in it.
    """

    machine_code: frozenset[int]
    ptx: frozenset[int]


def fat_binaries(path: Path) -> list[FatBinary]:
    """Every fat binary in the file, in order."""
    data = path.read_bytes()
    found = []
    start = data.find(MAGIC)
    while start >= 0:
        found.append(_parse(data, start))
        start = data.find(MAGIC, start + len(MAGIC))
    return found


def _parse(data: bytes, start: int) -> FatBinary:
    (size,) = struct.unpack_from("<Q", data, start + 8)
    entry, end = start + 16, start + 16 + size
    architectures: dict[int, set[int]] = {PTX: set(), MACHINE_CODE: set()}
    while entry < end:
        kind, _, header_bytes, payload_bytes = struct.unpack_from("<HHIQ", data, entry)
        (architecture,) = struct.unpack_from("<I", data, entry + 28)
        architectures[kind].add(architecture)
        entry += header_bytes + payload_bytes
    return FatBinary(frozenset(architectures[MACHINE_CODE]), frozenset(architectures[PTX]))
