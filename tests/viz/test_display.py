"""A display that cannot be opened is found out before a window waits for it."""

import socket
import sys
import time

import pytest

from completion.viz import display, window
from completion.viz.picture import Picture

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux names its display in the environment"
)


@pytest.fixture(autouse=True)
def no_display(monkeypatch, tmp_path):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "none"),
        ({"DISPLAY": ":6999"}, "DISPLAY=:6999"),
        ({"DISPLAY": "no display"}, "DISPLAY=no display"),
        ({"DISPLAY": "", "WAYLAND_DISPLAY": "wayland-9"}, "WAYLAND_DISPLAY=wayland-9"),
    ],
)
def test_a_display_that_cannot_be_opened_is_one_sentence_at_once(monkeypatch, variables, named):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RuntimeError, match=f"got {named}; save a picture instead with save=picture.png"):
        window.show(Picture("", []))


def test_an_x_server_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(display, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("DISPLAY", f"127.0.0.1:{port - 6000}")
        started = time.monotonic()
        assert not display.display_answers()
        assert 0.5 <= time.monotonic() - started < 5


def test_a_wayland_server_that_listens_will_do(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # the paths of sockets are short
    monkeypatch.setenv("XDG_RUNTIME_DIR", ".")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-9")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("wayland-9")
        server.listen()
        assert display.display_answers()


@pytest.mark.parametrize(("code", "answers"), [(0, True), (1, False)])
def test_the_x_servers_answer_is_the_exit_code(monkeypatch, code, answers):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(display, "OPEN_X", f"raise SystemExit({code})")
    assert display.display_answers() is answers
