"""What was filmed: reading, checking, preparing and caching multi-view captures."""

from dymap.capture.capture import Capture, open_capture, open_source
from dymap.capture.images import Shot
from dymap.capture.layouts import read_source
from dymap.capture.source import Source

__all__ = ["Capture", "Shot", "Source", "open_capture", "open_source", "read_source"]
