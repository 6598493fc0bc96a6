"""What was filmed: reading, preparing and caching multi-view captures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dymap.capture.cache import Progress, open_cache
from dymap.capture.capture import Capture, Source, check_cameras, prepared_camera, source_boxes, split_views
from dymap.capture.images import Shot
from dymap.capture.readers import nhr, zjumocap
from dymap.config import CaptureConfig
from dymap.errors import InputError

READERS = {"nhr": nhr, "zjumocap": zjumocap}


def read_source(root: str | Path, config: CaptureConfig) -> Source:
    """Find out what a folder holds and list it, without decoding more than one image a camera."""
    folder = Path(root)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; --data takes the folder of a capture")
    if config.layout == "auto":
        layout = next((name for name, reader in READERS.items() if reader.matches(folder)), None)
        if layout is None:
            raise InputError(f"{folder}: no known capture layout (looked for annots.npy)")
    elif config.layout in READERS:
        layout = config.layout
    else:
        raise InputError(f"layout {config.layout!r} is unknown; known are {', '.join(READERS)}")
    source = READERS[layout].read(folder, config).select(config.frames)
    return source.transformed(np.array(config.transform).reshape(4, 4)) if config.transform else source


def open_capture(root: str | Path, config: CaptureConfig | None = None, progress: Progress | None = None) -> Capture:
    """Read, check and prepare a capture. Raises InputError for anything that would spoil training later."""
    config = config or CaptureConfig()
    source = read_source(root, config)
    split_views(len(source.cameras), config)  # a wrong view shows before hours of work, not after
    boxes = source_boxes(source, config)
    check_cameras(source, boxes)
    for camera in source.cameras:
        prepared_camera(camera, config)  # as does a ratio that leaves no pixels
    return Capture(source, config, boxes, open_cache(source, config, boxes, progress))


__all__ = ["Capture", "Shot", "Source", "open_capture", "read_source"]
