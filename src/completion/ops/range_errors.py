"""Turns the native code's "out of range" into a ValueError; it is known only after the count pass."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def range_error(remedy: str) -> Iterator[None]:
    """Raises ValueError with `remedy` where the native code within says that rows "must lie in" the range."""
    try:
        yield
    except RuntimeError as error:
        sentence = next((line for line in str(error).splitlines() if " must lie in " in line), None)
        if sentence is None:
            raise
        raise ValueError(f"{sentence}; {remedy}") from None
