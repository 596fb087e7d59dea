"""Whether a window can be opened here; opens none. Open3D itself would wait for a display for ever."""

import os
import socket
import subprocess
import sys
from pathlib import Path

PATIENCE = 5.0
"""Seconds after which a server that does not answer counts as none."""
# The call that Open3D's window opens a display by; in a process of its own it can be given up.
OPEN_X = """
import ctypes
library = ctypes.CDLL("libX11.so.6")
library.XOpenDisplay.restype = ctypes.c_void_p
raise SystemExit(0 if library.XOpenDisplay(None) else 1)
"""


def display_answers() -> bool:
    """Whether the X11 or Wayland display of the environment opens; systems other than Linux have one."""
    return not sys.platform.startswith("linux") or _wayland_answers() or _x_answers()


def display_names() -> str:
    """The displays of the environment for a message; "none" where none is named."""
    named = [f"{name}={os.environ[name]}" for name in ("DISPLAY", "WAYLAND_DISPLAY") if os.environ.get(name)]
    return ", ".join(named) or "none"


def _x_answers() -> bool:
    """Whether the server that DISPLAY names lets this process in."""
    if not os.environ.get("DISPLAY"):
        return False
    try:
        asked = subprocess.run([sys.executable, "-c", OPEN_X], capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def _wayland_answers() -> bool:
    """Whether somebody listens at the socket that WAYLAND_DISPLAY names."""
    name = os.environ.get("WAYLAND_DISPLAY")
    if not name:
        return False
    place = Path(os.environ.get("XDG_RUNTIME_DIR", "")) / name  # a whole path stays as it is
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        try:
            connection.connect(str(place))
        except OSError:
            return False
    return True
