"""dymap: volumetric video as dynamic MLP maps.

video = dymap.load("runs/knight")               # or one baked file
image = video.render(video.cameras[0], frame=12)    # rgb, acc, depth
"""

from dymap.geometry.camera import Camera, look_at
from dymap.play.video import Video, load
from dymap.render.image import Image

__version__ = "0.1.0"
__all__ = ["Camera", "Image", "Video", "__version__", "load", "look_at"]
