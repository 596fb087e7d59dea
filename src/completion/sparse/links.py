"""Links: values by the identity of another object, which is held weakly: a WeakKeyDictionary for few keys."""

import os
from threading import RLock
from typing import Generic, TypeVar
from weakref import ref

Key = TypeVar("Key")
Value = TypeVar("Value")


# The one lock of all that sets remember, for what is looked up and put there as one. Reentrant, as links are
# forgotten wherever memory is freed. A forked process begins with it free, as those of the standard library:
# the thread that held it is not there to release it.
recording = RLock()
os.register_at_fork(after_in_child=recording._at_fork_reinit)  # pyright: ignore[reportAttributeAccessIssue]


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
                links._replace(dead)

        with recording:
            present = next((link for link, _ in self._pairs if link() is key), None)
            self._replace(present, (ref(key, forget), value))

    def _replace(self, gone: ref[Key] | None, *new: tuple[ref[Key], Value]) -> None:
        """Takes the pair of a link off, and puts a new one on."""
        with recording:
            while True:  # memory may be freed in between, and links be forgotten by this very thread
                before = self._pairs
                pairs = [pair for pair in before if pair[0] is not gone]
                pairs += new
                if self._pairs is before:
                    self._pairs = pairs
                    return

    def __len__(self) -> int:
        return len(self._pairs)
