"""completion build: what it asks of the native recipe and what it says."""

from pathlib import Path

import pytest

from completion.cli.main import main
from completion.ops import build


@pytest.mark.parametrize(
    ("override", "expected"), [("cuda=true", True), ("cuda=false", False), ("cuda=null", None)]
)
def test_it_builds_into_the_package_and_prints_the_path(monkeypatch, capsys, override, expected):
    asked = []
    monkeypatch.setattr(build, "build_ahead", lambda cuda: asked.append(cuda) or Path("lib/x.so"))
    assert main(["build", override]) == 0
    assert asked == [expected]
    assert capsys.readouterr().out.strip() == str(Path("lib/x.so"))


def test_another_value_is_refused_before_anything_is_built(monkeypatch, capsys):
    monkeypatch.setattr(build, "build_ahead", lambda cuda: pytest.fail("built"))
    assert main(["build", "cuda=maybe"]) == 2
    assert "build: cuda must be true, false or null, got 'maybe'" in capsys.readouterr().err
