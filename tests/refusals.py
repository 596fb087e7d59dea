"""The one form of a sentence that refuses an argument, and the assertion that a call is refused so."""

import re
from collections.abc import Callable

import pytest

SENTENCE = re.compile(r"(?s)^(?P<function>[\w.]+): (?P<argument>[\w' ]+?) must .+, got .+; .+$")


def refusal(call: Callable[..., object], *arguments: object, **named: object) -> re.Match[str]:
    """Parts of the sentence with which a call is refused; fails where it is not, or in other words."""
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*arguments, **named)
    parts = SENTENCE.match(str(caught.value))
    assert parts, f"{type(caught.value).__name__}: {caught.value}"
    return parts
