"""The words after a verb → overrides in Hydra's grammar: flags replaced, paths quoted."""

import os
from collections.abc import Iterator, Mapping, Sequence

PATH_KEYS = (
    *("run", "run_dir", "input", "output", "save", "ckpt", "weights"),
    *("data.source.root", "paths.cache", "paths.runs"),
)
TEXT_KEYS = ("item", "name")


def as_overrides(
    arguments: Sequence[str], flags: Mapping[str, str], positional: str | None = None
) -> list[str]:
    """Overrides for Hydra.

    Args:
        arguments: of the command line after the verb.
        flags: flag → override. One without "=" is a key, whose value follows: --save PATH, --save=PATH.
        positional: key whose value may be the first word alone.

    Raises:
        ValueError: a path without a value.
    """
    first, rest = list(arguments[:1]), arguments[1:]
    if positional is not None and first and "=" not in first[0] and not first[0].startswith("-"):
        first = [f"{positional}={first[0]}"]
    return [quoted(_from_home(override)) for override in _unflagged([*first, *rest], flags)]


def _from_home(override: str) -> str:
    """An override whose value ~/… is a path of the user's: not every shell puts the home in after a "="."""
    key, _, value = override.partition("=")
    is_below = key not in TEXT_KEYS and (value == "~" or value.startswith("~/"))
    return f"{key}={os.path.expanduser(value)}" if is_below else override


def quoted(override: str) -> str:
    """An override whose value is plain text to Hydra if it is a path or a name: accents, brackets, digits.

    A path may have commas too; names with commas are several, of a sweep.

    Raises:
        ValueError: a path without a value.
    """
    key, equals, value = override.partition("=")
    is_text = key in PATH_KEYS or (key in TEXT_KEYS and value and "," not in value)
    if not equals or not is_text or value == "null" or value[:1] in ("'", '"'):
        return override
    if not value:
        raise ValueError(f"{key}= must be a path, got nothing; give one, or leave {key}= out")
    escaped = value.replace('"', '\\"')
    return f'{key}="{escaped}"'


def _unflagged(arguments: Sequence[str], flags: Mapping[str, str]) -> Iterator[str]:
    rest = iter(arguments)
    for argument in rest:
        flag, _, value = argument.partition("=")
        override = flags.get(flag, argument)
        if flag in flags and "=" not in override:
            override = f"{override}={value or next(rest, '')}"
        yield override
