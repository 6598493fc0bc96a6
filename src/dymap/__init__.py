"""dymap: volumetric video as dynamic MLP maps.

video = dymap.load("runs/knight")  # or one baked file
image = video.render(video.cameras[0], frame=12)  # rgb, acc, depth
dymap.show("runs/knight")  # in a notebook: the clip, to be turned and played
run = dymap.runs.train("my_capture").run  # what the commands do, see dymap.runs

Each name is imported when it is first used: `import dymap` need not wait for torch.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from dymap._version import __version__

if TYPE_CHECKING:
    from dymap.geometry.camera import Camera, look_at
    from dymap.play.video import Video, load
    from dymap.render.image import Image
    from dymap.runs.notebook import show

# Threads that wait for each other look a moment for the end of it and then sleep, before torch loads OpenMP (GNU's). By
# itself it looks so long that a training slows down many times beside one other busy process (docs/performance.md).
if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
    os.environ["GOMP_SPINCOUNT"] = "4000"

_FILES = {
    "geometry.camera": ("Camera", "look_at"),
    "play.video": ("Video", "load"),
    "render.image": ("Image",),
    "runs.notebook": ("show",),
}
"""Which file holds which names."""

__all__ = ["Camera", "Image", "Video", "__version__", "load", "look_at", "runs", "show"]


def __getattr__(name: str) -> Any:
    """Import the file that holds the name; `runs` is a room."""
    if name == "runs":
        return importlib.import_module("dymap.runs")
    for file, names in _FILES.items():
        if name in names:
            return getattr(importlib.import_module(f"dymap.{file}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
