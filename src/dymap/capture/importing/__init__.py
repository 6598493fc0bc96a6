"""From the videos of several cameras to a capture: `import_videos` is the story."""

from dymap.capture.calibrations.sizes import Fit
from dymap.capture.importing.story import Taken, VideoImport, import_videos
from dymap.capture.importing.wanted import PictureEnding, Wanted

__all__ = ["Fit", "PictureEnding", "Taken", "VideoImport", "Wanted", "import_videos"]
