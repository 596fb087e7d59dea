"""Links: values by the identity of another object, which is held weakly: a WeakKeyDictionary for few keys."""

from typing import Generic, TypeVar
from weakref import ref

Key = TypeVar("Key")
Value = TypeVar("Value")


class Links(Generic[Key, Value]):
    """What one set knows about others: a value for each other set, as long as that one lives.

    A list and a search by `is`, not a dict: torch.compile then guards on which of its inputs are the same
    object, not on the address of one, and compiled code serves new sets of the same hierarchy. A set is
    linked with a handful of others.
    """

    def __init__(self) -> None:
        self._pairs: list[tuple[ref[Key], Value]] = []

    def get(self, key: Key) -> Value | None:
        """Value of the key, None where it has none."""
        for link, value in self._pairs:
            if link() is key:
                return value
        return None

    def put(self, key: Key, value: Value) -> None:
        """Sets the value of a key, in place of one that it had; it goes when the key goes."""
        owner = ref(self)

        def forget(dead: ref[Key]) -> None:
            links = owner()
            if links is not None:
                links._pairs = [pair for pair in links._pairs if pair[0] is not dead]

        if any(link() is key for link, _ in self._pairs):
            self._pairs = [pair for pair in self._pairs if pair[0]() is not key]
        self._pairs.append((ref(key, forget), value))

    def __len__(self) -> int:
        return len(self._pairs)
