"""Facts about the repository as a whole: configs, scripts, pinned versions, container file, pages."""

import importlib.metadata
import inspect
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hydra.utils import get_object
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from completion.cli.main import VERBS, file_name

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
HYDRA_KEYS = {"defaults", "_target_", "_partial_", "_convert_", "_recursive_", "_args_"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def text_files(*folders: str) -> list[Path]:
    """Source files below these folders of the repository, without what Python and the build leave there."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [path for path in found if path.suffix not in {".pyc", ".so"}]


def targets_in(node: object) -> Iterator[dict]:
    """Every mapping with a `_target_` in a config, nested ones included."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and "_target_" in node:
        yield node
    for child in children:
        yield from targets_in(child)


@pytest.mark.parametrize(
    "path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONFIGS))
)
def test_config_keys_are_arguments_of_their_target(path):
    for config in targets_in(yaml.safe_load(path.read_text())):
        arguments = inspect.signature(get_object(config["_target_"])).parameters
        takes_any = any(argument.kind is argument.VAR_KEYWORD for argument in arguments.values())
        assert takes_any or set(config) - HYDRA_KEYS <= set(arguments), config["_target_"]


def test_configs_neither_calculate_nor_evaluate():
    for path in CONFIGS.rglob("*.yaml"):
        assert not re.search(r"\$\{(eval|oc\.eval|python)[:.]", path.read_text()), path


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_module_and_a_config(verb):
    assert (ROOT / "src" / "completion" / "cli" / f"{file_name(verb)}.py").is_file()
    assert (CONFIGS / f"{file_name(verb)}.yaml").is_file()


@pytest.mark.parametrize("name", ["scripts/demo", "scripts/test", ".ci/run"])
def test_scripts_are_executable_and_stop_at_the_first_error(name):
    assert os.access(ROOT / name, os.X_OK)
    assert "set -euo pipefail" in (ROOT / name).read_text()


def pins() -> dict[str, str]:
    """Pinned version of each package in constraints.txt."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def requirements_of(name: str, extras: frozenset[str]) -> list[Requirement]:
    """What an installed distribution needs on this machine, with these extras."""
    try:
        lines = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    environments = [{"extra": extra} for extra in ("", *extras)]
    found = map(Requirement, lines)
    return [item for item in found if item.marker is None or any(map(item.marker.evaluate, environments))]


def test_constraints_pin_every_dependency_direct_or_not():
    declared = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    pinned, seen, queue = pins(), set(), [Requirement(line) for line in declared]
    while queue:
        item = queue.pop()
        key = (canonicalize_name(item.name), frozenset(item.extras))
        if key not in seen:
            seen.add(key)
            queue += requirements_of(*key)
    # A torch with CUDA names the exact versions of its own libraries itself.
    names = {name for name, _ in seen if not name.startswith(("nvidia-", "cuda-", "triton"))}
    assert names - set(pinned) == set()


def test_pins_satisfy_what_the_project_declares():
    pinned = pins()
    for item in map(Requirement, [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]):
        assert item.specifier.contains(pinned[canonicalize_name(item.name)]), item


def test_no_source_file_has_grown_into_several():
    sources = text_files("src", "csrc", "tests", "scripts")
    assert [path.name for path in sources if len(path.read_text().splitlines()) > 400] == []


def test_sources_name_no_folder_of_one_machine():
    pages = [ROOT / "README.md", ROOT / "DESIGN.md", ROOT / "Dockerfile"]
    sources = [*text_files("src", "csrc", "configs", "scripts"), *pages]
    pattern = re.compile(r"(?<![\w.])/(home|root|work|Users)/\w")
    assert [path.name for path in sources if pattern.search(path.read_text(errors="replace"))] == []


def test_the_container_file_copies_what_exists():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert sources
    assert [source for source in sources if not (ROOT / source).exists() or source in ignored] == []


@pytest.mark.parametrize("page", ["README.md", "DESIGN.md", "CHANGELOG.md"])
def test_links_of_a_page_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text())
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_readme_shows_verbs_and_experiments_that_exist():
    text = (ROOT / "README.md").read_text()
    verbs = set(re.findall(r"^\s*completion ([\w-]+)", text, re.MULTILINE))
    experiments = set(re.findall(r"experiment=([\w/]+)", text))
    assert verbs <= set(VERBS)
    assert {name for name in experiments if not (CONFIGS / "experiment" / f"{name}.yaml").is_file()} == set()
