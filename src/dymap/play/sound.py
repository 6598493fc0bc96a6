"""Sound for films: the recording of a clip, repeated as the clip is."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.files import check_regular, replacing

FORMATS = "wav,w64,aiff,au,caf,flac,mp3,aac,ac3,ogg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mxf"
"""Containers that are opened: none that is a list of other files."""
RATE = 48000
ENCODERS = {".mp4": "aac", ".mov": "aac", ".webm": "libopus"}
"""By the film's suffix."""
BLOCK = 960
"""Samples that are encoded at a time: what Opus takes."""
MAX_SECONDS = 3600
"""Of a recording: an hour takes 700 MB."""


def read_sound(path: Path) -> NDArray[np.int16]:
    """[n, 2] samples of a recording, RATE a second. Raises InputError that names the file; only regular files of one of
    the FORMATS are opened, and nothing that they name."""
    check_regular(path)
    blocks: list[NDArray[np.int16]] = []
    count = 0
    try:
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
        with av.open(os.path.abspath(path), options=options, metadata_errors="replace") as container:
            if not container.streams.audio:
                raise InputError(f"{path}: holds no sound")
            if container.streams.audio[0].codec_context is None:
                raise InputError(f"{path}: no decoder is known for its sound; export it as WAV")
            resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE)
            for frame in container.decode(container.streams.audio[0]):
                for part in resampler.resample(frame):
                    blocks.append(np.asarray(part.to_ndarray(), np.int16).reshape(-1, 2))
                    count += len(blocks[-1])
                if count > MAX_SECONDS * RATE:
                    raise InputError(f"{path}: sound of more than {MAX_SECONDS} seconds is no clip's")
    except InputError:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as sound ({getattr(error, 'strerror', None) or error})") from None
    if not blocks:
        raise InputError(f"{path}: holds no sound")
    return np.concatenate(blocks)


def check_sound(path: Path, sound: NDArray[np.int16], frames: int, fps: float) -> None:
    """Raises InputError if a recording does not last as long as the clip: it would run away from it."""
    lasts, clip = len(sound) / RATE, frames / fps
    if abs(lasts - clip) > max(0.1, 0.01 * clip):
        raise InputError(
            f"{path}: lasts {lasts:.2f} seconds, but the clip's {frames} frames at {fps:g} fps {clip:.2f}; film with "
            f"--fps {frames / lasts:.3g} if the sound is that of the whole clip"
        )


def add_sound(film: Path, sound: NDArray[np.int16], clip_seconds: float) -> None:
    """Add a recording to a film, begun anew whenever the clip is. The film takes its own place when it is whole.

    sound: [n, 2] as `read_sound` gives it. Raises InputError if the disk refuses.
    """
    with replacing(film) as partial, av.open(str(film)) as source:
        options = {} if film.suffix == ".webm" else {"movflags": "+faststart"}
        with av.open(str(partial), "w", options=options) as target:
            silent = source.streams.video[0]
            pictures = target.add_stream_from_template(silent)
            track: Any = target.add_stream(ENCODERS[film.suffix.lower()], rate=RATE)
            track.layout, written = "stereo", 0
            packets: list[Any] = [packet for packet in source.demux(silent) if packet.dts is not None]
            length = max(float((packet.pts + packet.duration) * packet.time_base) for packet in packets)
            for packet in packets:
                until = min(float(packet.dts * packet.time_base) + 1.0, length)
                while written < until * RATE:
                    target.mux(track.encode(_block(sound, written, clip_seconds)))
                    written += BLOCK
                packet.stream = pictures
                target.mux(packet)
            target.mux(track.encode())


def _block(sound: NDArray[np.int16], start: int, clip_seconds: float) -> av.AudioFrame:
    """The next samples of a film: those of the clip, of which `start` samples passed already."""
    clip = max(round(clip_seconds * RATE), 1)
    at = (start + np.arange(BLOCK)) % clip
    block = np.where((at < len(sound))[:, None], sound[np.minimum(at, len(sound) - 1)], 0).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
    return frame
