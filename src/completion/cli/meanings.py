"""What the keys of a config mean: the comments of its files, and the docstrings of the classes that it names.

Both are read as text: nothing is imported, so that help comes at once.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

import completion

PACKAGE = Path(completion.__file__).parent


def description(file: Path) -> str:
    """The comment that a config file begins with, less Hydra's directives; in one line."""
    return " ".join(line for line in _header(file) if not line.startswith("@package"))


def comments(file: Path, group: str) -> dict[str, str]:
    """Comments beside and above the keys of a config file, by dotted key.

    Args:
        file: the file.
        group: of the file, as a/b; "" for a verb's own.
    """
    header = _header(file)
    text = file.read_text(encoding="utf-8")
    root = yaml.compose(text)
    if not isinstance(root, yaml.MappingNode):
        return {}
    directives = [line.split()[1] for line in header if line.startswith("@package")]
    package = directives[0] if directives else group.replace("/", ".")
    prefix = "" if package in ("", "_global_") else package + "."
    return dict(_commented(root, prefix, text.splitlines(), len(header)))


def arguments(target: str) -> dict[str, str]:
    """What a class or function of this package says of its arguments, by name; nothing of others.

    Args:
        target: its dotted name, as in `_target_`.
    """
    definition = _definition(*target.rpartition(".")[::2])
    return {} if definition is None else _arguments(ast.get_docstring(definition) or "")


def all_meanings(config: Mapping[str, Any], files: Iterable[tuple[Path, str]]) -> dict[str, str]:
    """The meaning of every key that has one, by dotted key; a comment goes before a docstring.

    Args:
        config: as composed, plain.
        files: that it was composed of, each with its group.
    """
    own: dict[str, str] = {}
    for file, group in files:
        if "@package _global_" not in _header(file):  # there a comment tells why, not what
            own |= comments(file, group)
    return {**dict(_documented(config, "")), **own}


def _documented(config: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    target = config.get("_target_")
    if isinstance(target, str):
        yield from ((prefix + name, text) for name, text in arguments(target).items())
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _documented(value, f"{prefix}{key}.")


def _header(file: Path) -> list[str]:
    """The lines of the comment at the top."""
    header = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        header.append(line.lstrip("# "))
    return header


def _commented(
    node: yaml.MappingNode, prefix: str, lines: Sequence[str], first: int
) -> Iterator[tuple[str, str]]:
    for key, value in node.value:
        if key.value == "defaults" and not prefix:
            continue
        nested = isinstance(value, yaml.MappingNode) and not value.flow_style
        end = key.end_mark if nested else value.end_mark
        beside = re.match(r":?\s*#\s*(.*)", lines[end.line][end.column :])
        words = [beside[1]] if beside else _above(lines, key.start_mark.line, first)
        if words:
            yield prefix + key.value, " ".join(words)
        if nested:
            yield from _commented(value, f"{prefix}{key.value}.", lines, first)


def _above(lines: Sequence[str], row: int, first: int) -> list[str]:
    """The comment in the lines right above a row, down from a first one."""
    start = row
    while start > first and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return [line.strip().lstrip("# ") for line in lines[start:row]]


def _definition(module: str, name: str) -> ast.ClassDef | ast.FunctionDef | None:
    """The class or function, also where the module only passes it on; None if it is not this package's."""
    package, *parts = module.split(".")
    if package != PACKAGE.name:
        return None
    place = PACKAGE.joinpath(*parts)
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    if not file.is_file():
        return None
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            return node
        if isinstance(node, ast.ImportFrom) and node.module and name in [one.name for one in node.names]:
            return _definition(node.module, name)
    return None


def _arguments(docstring: str) -> dict[str, str]:
    """The entries under "Args:"; "a, b: text" stands for both."""
    _, _, below = docstring.partition("Args:\n")
    section = re.split(r"\n(?=\S)", below, maxsplit=1)[0]
    found = {}
    for entry in re.split(r"\n(?= {4}\S)", section):
        names, _, text = entry.partition(":")
        meaning = " ".join(text.split()).removesuffix(".").replace("None", "null")  # as YAML has it
        found |= dict.fromkeys(names.strip().split(", "), meaning)
    found.pop("", None)
    return found
