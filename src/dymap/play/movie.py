"""Writing films: H.264 MP4 that plays in browsers, PNG frames."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.files import replacing


def write_mp4(path: Path, frames: Iterable[NDArray[np.uint8]], fps: float, quality: int = 16) -> Path:
    """Encode frames [H, W, 3] RGB as H.264, yuv420p, with the index in front; odd sizes lose their last line.

    quality: x264's constant rate factor, smaller is better. Raises InputError where the disk refuses or without frames.
    """
    count = 0
    options = {"movflags": "+faststart"}
    with replacing(path) as partial, av.open(str(partial), "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(quality), "preset": "medium"}
        # Say which matrix the colours went through, or players guess.
        stream.codec_context.colorspace = av.video.reformatter.Colorspace.ITU709
        stream.codec_context.color_range = av.video.reformatter.ColorRange.MPEG
        for image in frames:
            even = np.ascontiguousarray(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2])
            if count == 0:
                stream.height, stream.width = even.shape[:2]
            frame = av.VideoFrame.from_ndarray(even, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            container.mux(stream.encode(frame))
            count += 1
        if count == 0:
            raise InputError(f"{path}: a film needs at least one frame")
        container.mux(stream.encode())
    return path


def write_png(path: Path, image: NDArray[np.uint8]) -> Path:
    """Write [H, W, 3] RGB or [H, W, 4] RGBA. Raises InputError where the disk refuses."""
    code = cv2.COLOR_RGB2BGR if image.shape[-1] == 3 else cv2.COLOR_RGBA2BGRA
    with replacing(path) as partial:
        if not cv2.imwrite(str(partial), cv2.cvtColor(image, code)):
            raise OSError("the image could not be written")
    return path
