"""Words of the command line → Hydra's grammar: flags, and paths with letters that the grammar knows."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from completion.cli.overrides import as_overrides


def test_flags_become_overrides():
    flags = {"--save": "save", "--json": "json=true"}
    assert as_overrides(["--save", "a.png", "--json"], flags) == ['save="a.png"', "json=true"]
    assert as_overrides(["--save=a.png"], flags) == ['save="a.png"']


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["a b.pth", "seed=3"], ['weights="a b.pth"', "seed=3"]),
        (["weights=a.pth"], ['weights="a.pth"']),
        (["--json", "seed=3"], ["json=true", "seed=3"]),
        ([], []),
    ],
)
def test_the_first_word_may_be_a_value_alone(words, expected):
    assert as_overrides(words, {"--json": "json=true"}, positional="weights") == expected


@pytest.mark.parametrize("key", ["run", "data.source.root", "callbacks.best.dirpath"])
def test_a_path_below_the_users_home_is_found_there(monkeypatch, key):
    monkeypatch.setenv("HOME", "/home/me")
    (override,) = as_overrides([f"{key}=~/a"], {})
    assert OverridesParser.create().parse_override(override).value() == "/home/me/a"
    assert as_overrides(["name=~/a", "~seed"], {}) == ['name="~/a"', "~seed"]


@pytest.mark.parametrize("path", ["rü", "r#5", "r (1)", "r=3", "r[4]", "r,2", "12", 'a"b'])
def test_any_path_is_text(path):
    (override,) = as_overrides([f"run={path}"], {})
    assert OverridesParser.create().parse_override(override).value() == path


@pytest.mark.parametrize("word", ["item=stuhl_é.xyz-5b5fe7", "item=12", "name=a=b", "name=1e3", "item=a__b"])
def test_names_that_the_program_prints_can_be_typed(word):
    (override,) = as_overrides([word], {})
    assert OverridesParser.create().parse_override(override).value() == word.partition("=")[2]


@pytest.mark.parametrize(
    "word",
    ["name=a,b", "name=", "item=null", "run='a b'", "output=null", "seed=3", "trainer.max_epochs=2", "-m"],
)
def test_the_rest_stays(word):
    assert as_overrides([word], {}) == [word]


@pytest.mark.parametrize(
    ("words", "key"), [(["run_dir="], "run_dir="), (["input="], "input="), (["--save"], "save=")]
)
def test_a_path_without_a_value_is_refused(words, key):
    with pytest.raises(ValueError, match=f"{key} must be a path, got nothing"):
        as_overrides(words, {"--save": "save"})
