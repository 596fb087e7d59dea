"""Unpacks LZF, the packing of binary_compressed PCD files (format: Marc Lehmann's liblzf)."""


def decompress(packed: bytes, size: int) -> bytes:
    """Returns the `size` bytes that were packed.

    A control byte below 32 is followed by that many + 1 bytes as they are; else its top 3 bits are a length
    (7: the next byte adds to it); the rest, with one more byte, says how far back to copy.

    Raises:
        ValueError: if the bytes are not LZF or do not give `size` bytes.
    """
    out = bytearray()
    at, end = 0, len(packed)
    try:
        while at < end:
            control = packed[at]
            at += 1
            if control < 32:
                out += packed[at : at + control + 1]
                at += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += packed[at]
                at += 1
            source = len(out) - ((control & 31) << 8) - packed[at] - 1
            at += 1
            if source < 0:
                raise ValueError(f"a copy from before the start at packed byte {at}")
            _copy(out, source, length + 2)
    except IndexError:
        raise ValueError("packed bytes end too early") from None
    if len(out) != size:
        raise ValueError(f"{len(out)} unpacked bytes instead of {size}")
    return bytes(out)


def _copy(out: bytearray, source: int, length: int) -> None:
    """Appends `length` bytes from `source` on; they may overlap what is being written, and then repeat."""
    run = out[source : source + length]
    while len(run) < length:
        run += run[: length - len(run)]
    out += run
