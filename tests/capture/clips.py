"""Videos that tests write: pictures that say which they are, in every container, codec and form."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def numbered(index: int, width: int = 64, height: int = 48) -> Bytes:
    """A picture [H, W, 3] whose left half says its number in eight stripes of black and white (read by `number_of`)."""
    picture = np.full((height, width, 3), 90, np.uint8)
    for bit in range(8):
        top = bit * height // 8
        picture[top : (bit + 1) * height // 8, : width // 2] = 235 if index >> bit & 1 else 20
    picture[:, width // 2 :, 0] = np.linspace(60, 200, width - width // 2)
    return picture


def number_of(picture: Bytes) -> int:
    """What `numbered` wrote, whatever a codec made of it."""
    height, width = picture.shape[:2]
    rows = [(2 * bit + 1) * height // 16 for bit in range(8)]
    return sum(int(picture[row, width // 4].mean() > 128) << bit for bit, row in enumerate(rows))


def write_clip(
    path: Path,
    pictures: Sequence[Bytes],
    codec: str = "libx264",
    fps: int = 30,
    times: Sequence[float] | None = None,
    pix_fmt: str = "yuv420p",
    rotation: int = 0,
    options: dict[str, str] | None = None,
    colours: dict[str, int] | None = None,
    audio: NDArray[np.float32] | None = None,
    rate: int = 16000,
) -> Path:
    """Write pictures [H, W, 3] (16 bits: with `pix_fmt` of 10), shown at `times` in seconds, default evenly.

    rotation: degrees counterclockwise that players turn it by. colours: color_trc, color_primaries, colorspace,
    color_range by numbers of H.273. audio: [n] samples of one channel.
    """
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=fps, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 90000)
        if rotation:
            stream.set_display_rotation(rotation)
        for key, value in (colours or {}).items():
            setattr(stream.codec_context, key, value)
        sound: Any = None
        if audio is not None:
            sound = container.add_stream("aac", rate=rate)
            sound.layout = "mono"
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24" if picture.dtype == np.uint8 else "rgb48le")
            frame = frame.reformat(format=pix_fmt, dst_colorspace=5)
            for key, value in (colours or {}).items():
                setattr(frame, key, value)
            if times is None:
                frame.pts = index
            else:
                frame.pts, frame.time_base = round(times[index] * 90000), Fraction(1, 90000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None and audio is not None:
            for start in range(0, len(audio), 1024):
                block = av.AudioFrame.from_ndarray(audio[None, start : start + 1024], format="fltp", layout="mono")
                block.sample_rate, block.pts, block.time_base = rate, start, Fraction(1, rate)
                container.mux(sound.encode(block))
            container.mux(sound.encode())
    return path


def numbered_clip(path: Path, count: int = 30, **how: Any) -> Path:
    """A clip of numbered pictures; `how` as of `write_clip`."""
    return write_clip(path, [numbered(index) for index in range(count)], **how)
