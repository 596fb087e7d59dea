"""Turns the native code's "out of range" into a ValueError; it is known only after the count pass."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from completion.ops.coords import COORD_MAX, COORD_MIN


@contextmanager
def range_error(
    function: str, name: str, reached: Callable[[], Iterable[int]], remedy: str
) -> Iterator[None]:
    """Raises ValueError where the native code within says that rows "must lie in" the range.

    Args:
        function: operator's name, for the sentence.
        name: what lies outside.
        reached: gives the extreme coordinates; asked only for the sentence, which names the one farthest out.
        remedy: end of the sentence.
    """
    try:
        yield
    except RuntimeError as error:
        if " must lie in " not in str(error):
            raise
        value = max(reached(), key=lambda c: max(COORD_MIN - c, c - COORD_MAX))
        raise ValueError(
            f"{function}: {name} must lie in {COORD_MIN}…{COORD_MAX}, got {value}; {remedy}"
        ) from None
