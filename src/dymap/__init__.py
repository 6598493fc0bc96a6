"""dymap: volumetric video as dynamic MLP maps.

video = dymap.load("runs/knight")  # or one baked file
image = video.render(video.cameras[0], frame=12)  # rgb, acc, depth
run = dymap.runs.train("my_capture").run  # what the commands do, see dymap.runs
"""

import importlib
from typing import Any

from dymap._version import __version__
from dymap.geometry.camera import Camera, look_at
from dymap.play.video import Video, load
from dymap.render.image import Image

__all__ = ["Camera", "Image", "Video", "__version__", "load", "look_at", "runs"]


def __getattr__(name: str) -> Any:
    """`dymap.runs` is imported when it is first used: who only plays a clip need not wait for what trains one."""
    if name == "runs":
        return importlib.import_module("dymap.runs")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
