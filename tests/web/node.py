"""Scripts of the page's modules, run by node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

NODE = shutil.which("node") or shutil.which("nodejs")
HERE = Path(__file__).parent
needs_node = pytest.mark.skipif(
    NODE is None and not os.environ.get("DYMAP_REQUIRE_NODE"), reason="no node on this machine (Debian: nodejs)"
)


def run_node(script: str, *arguments: object, timeout: float = 120) -> Any:
    """What a script of this folder prints as JSON on its last line."""
    assert NODE is not None, "DYMAP_REQUIRE_NODE=1, but there is no node on this machine"
    command = [NODE, "--max-old-space-size=512", str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
