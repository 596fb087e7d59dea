"""completion VERB --help: what the verb does, its groups, every key with its value and its meaning."""

import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from completion.cli.meanings import all_meanings, description

COLUMN = 40  # where meanings begin, at the most
AsUsed = Callable[[DictConfig, list[str]], DictConfig]


def help_page(
    verb: str, name: str, words: Sequence[str], configs: Path, as_used: AsUsed | None = None
) -> str:
    """The page of a verb, as wide as the terminal.

    Args:
        verb: as typed.
        name: of its config.
        words: of the command line; the values shown are with its overrides, in Hydra's grammar.
        configs: folder of all configs.
        as_used: what the verb makes of the composed config and the overrides.
    """
    config, meanings, choices = explained(name, _overrides(words), configs, as_used)
    width = max(min(shutil.get_terminal_size().columns, 110), 20)
    keys = "\n".join(_lines(config, meanings, width))
    sections = [
        f"usage: completion {verb} [key=value ...]",
        textwrap.fill(description(configs / f"{name}.yaml"), width),
        *_groups(configs, choices, width),
        ("keys; ??? must be given:\n" if "???" in keys else "keys:\n") + keys,
        f"`completion {verb} --hydra-help` shows Hydra's own flags.",
    ]
    return "\n\n".join(sections)


def _overrides(words: Sequence[str]) -> list[str]:
    """The overrides of one job: no flags, of a sweep what all its jobs have."""
    given = [word for word in words if not word.startswith("-") and ("=" in word or word.startswith("~"))]
    if not {"-m", "--multirun"} & set(words):
        return given
    parser = OverridesParser.create()
    return [word for word in given if not parser.parse_override(word).is_sweep_override()]


def explained(
    name: str, overrides: list[str], configs: Path, as_used: AsUsed | None = None
) -> tuple[dict[str, Any], dict[str, str], dict[str, str | None]]:
    """A config as composed, plain; the meanings of its keys, by dotted key; what each group was chosen to be.

    Arguments as of `help_page`.
    """
    with initialize_config_dir(str(configs), version_base="1.3"):
        composed = compose(name, overrides, return_hydra_config=True)
    chosen = composed.hydra.runtime.choices.items()
    choices = {group: option for group, option in chosen if not group.startswith("hydra")}
    del composed.hydra
    used = composed if as_used is None else as_used(composed, overrides)
    config: dict[str, Any] = OmegaConf.to_container(used, resolve=False)  # type: ignore[assignment]
    files = [(file, group) for group, option in choices.items() for file in _files(configs / group, option)]
    files += [(file, "") for file in _files(configs, name)]
    return config, all_meanings(config, files), choices


def _files(folder: Path, option: str | None) -> Iterator[Path]:
    """The config file of an option and those of its group that it builds on, these first."""
    if option is None:
        return
    file = folder / f"{option}.yaml"
    for base in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("defaults", []):
        if isinstance(base, str) and base != "_self_":
            yield from _files(folder, base)
    yield file


def _groups(configs: Path, choices: Mapping[str, str | None], width: int) -> Iterator[str]:
    """A section about the groups of which there is something to choose; none if there are none."""
    rows = []
    for group, chosen in sorted(choices.items()):
        files = sorted((configs / group).glob("*.yaml"))
        if len(files) > 1:
            rows += [(f"{group}={file.stem}", file.stem == chosen, description(file)) for file in files]
    if rows:
        column = min(30, width // 2)
        lines = [_row(("* " if chosen else "  ") + word, text, column, width) for word, chosen, text in rows]
        yield "groups, each of which sets many keys; * is chosen:\n" + "\n".join(lines)


def _lines(config: Mapping[str, Any], meanings: Mapping[str, str], width: int) -> Iterator[str]:
    keys = list(_keys(config, ""))
    lengths = [len(line) for key, line in keys if key in meanings]
    column = min(max(lengths, default=0) + 2, COLUMN, width // 2)
    return (_row(line, meanings.get(key, ""), column, width) for key, line in keys)


def _keys(config: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Dotted key and line `  key: value` of everything in a config, nested as in YAML."""
    indent = "  " * (prefix.count(".") + 1)
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield prefix + key, f"{indent}{key}:"
            yield from _keys(value, f"{prefix}{key}.")
        else:
            yield prefix + key, f"{indent}{key}: {_plain(value)}"


def _plain(value: Any) -> str:
    """A value as it would be given: null, true, [1, 2]."""
    if isinstance(value, str):
        return value
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()


def _row(word: str, text: str, column: int, width: int) -> str:
    """A word with its text beside it from a column on, or below where the word is too long."""
    if not text:
        return word
    beside = textwrap.wrap(text, width - column, break_on_hyphens=False)
    first = [word] if len(word) > column - 2 else [word.ljust(column) + beside.pop(0)]
    return "\n".join([*first, *(" " * column + line for line in beside)])
