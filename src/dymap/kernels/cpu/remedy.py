"""What builds a native core that is missing: commands for this machine and this installation."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution
from urllib.parse import urlsplit
from urllib.request import url2pathname

COMPILERS = ("c++", "g++", "clang++")
INSTALLS = {
    "linux": "install one (Debian, Ubuntu: sudo apt install g++; Fedora: sudo dnf install gcc-c++)",
    "darwin": "install one (xcode-select --install)",
}
"""How a compiler is had, by system."""


def remedy() -> str:
    """What to do, in the order of doing it. pip's cache would bring the same slow wheel again."""
    has_one = any(map(shutil.which, COMPILERS))
    install = INSTALLS.get(sys.platform, "install a C++ compiler, GCC or Clang")
    first = "a compiler is here now, so" if has_one else f"{install}, then"
    pip = f"{shlex.quote(sys.executable)} -m pip install --no-cache-dir --force-reinstall --no-deps"
    return f"{first}: {pip} {installed_from()}"


def installed_from() -> str:
    """What pip takes to install dymap as it was installed: a checkout, or the package's name."""
    try:
        text = distribution("dymap").read_text("direct_url.json")
        origin = json.loads(text) if text else {}
        url = urlsplit(origin.get("url", ""))
    except (PackageNotFoundError, ValueError, AttributeError):
        return "dymap"
    if url.scheme != "file":
        return "dymap"
    editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
    return editable + shlex.quote(url2pathname(url.path))
