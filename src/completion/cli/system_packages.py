"""Owns the list of system packages that the program needs, and which of them this machine lacks.

Standard library only: scripts/environment runs this file before anything is installed. It installs nothing.
"""

import ctypes
import importlib.util
import os
import shutil
import sys
from pathlib import Path

# Debian package -> the shared library that it brings: what Open3D links against, or loads to render.
LIBRARIES = {
    "libusb-1.0-0": "libusb-1.0.so.0",
    "libgl1": "libGL.so.1",
    "libegl1": "libEGL.so.1",
    "libx11-6": "libX11.so.6",
    "libudev1": "libudev.so.1",
    "libidn2-0": "libidn2.so.0",
    "libvulkan1": "libvulkan.so.1",
    "libgomp1": "libgomp.so.1",
}
VULKAN_DRIVER_FOLDERS = ("/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d")


def missing_packages() -> list[str]:
    """Debian names of the packages that this machine lacks, in a fixed order."""
    missing = []
    if not has_compiler():
        missing.append("g++")
    if importlib.util.find_spec("ensurepip") is None:
        missing.append("python3-venv")
    if sys.platform == "linux":
        missing += [package for package, library in LIBRARIES.items() if not can_load(library)]
        if not has_vulkan_driver():
            missing.append("mesa-vulkan-drivers")
    return missing


def install_line(packages: list[str]) -> str:
    """The one shell line that installs the packages on Debian and Ubuntu."""
    return "sudo apt-get update && sudo apt-get install -y --no-install-recommends " + " ".join(packages)


def has_compiler() -> bool:
    """Whether there is the C++ compiler that the native build calls: CXX, or g++."""
    return shutil.which(os.environ.get("CXX", "g++")) is not None


def can_load(library: str) -> bool:
    """Whether the dynamic loader finds the shared library of this file name."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def has_vulkan_driver() -> bool:
    """Whether a Vulkan driver is registered (a software one will do); without it nothing renders."""
    if os.environ.get("VK_ICD_FILENAMES") or os.environ.get("VK_DRIVER_FILES"):
        return True
    return any(any(Path(folder).glob("*.json")) for folder in VULKAN_DRIVER_FOLDERS)


if __name__ == "__main__":
    print(" ".join(missing_packages()))
