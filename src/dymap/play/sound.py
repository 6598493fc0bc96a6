"""Sound for films: the recording of a clip, repeated as the clip is."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.files import check_regular

FORMATS = "wav,w64,aiff,au,caf,flac,mp3,aac,ac3,ogg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mxf"
"""Containers that are opened: none that is a list of other files."""
RATE = 48000
BLOCK = 960
"""Samples that are encoded at a time: what Opus takes."""
MAX_SECONDS = 3600
"""Of a recording: an hour takes 700 MB."""


class Sound(NamedTuple):
    """A clip's sound. samples: [n, 2], RATE a second. seconds: of the clip, with which the sound begins anew."""

    samples: NDArray[np.int16]
    seconds: float


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


class SoundTrack:
    """The sound of a film that is being written: it is encoded as far as the pictures are."""

    def __init__(self, container: Any, encoder: str, sound: Sound):
        """container: an av.container.OutputContainer whose header is not written yet."""
        self._container, self._sound, self._written = container, sound, 0
        self._stream = container.add_stream(encoder, rate=RATE)
        self._stream.layout = "stereo"

    def write_until(self, seconds: float) -> None:
        """Encode what is heard in the film's first `seconds`, as far as it is not yet."""
        while self._written < seconds * RATE:
            self._container.mux(self._stream.encode(_block(self._sound, self._written)))
            self._written += BLOCK

    def end(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode())


def _block(sound: Sound, start: int) -> av.AudioFrame:
    """The next samples of a film, of which `start` samples passed already."""
    clip = max(round(sound.seconds * RATE), 1)
    at = (start + np.arange(BLOCK)) % clip
    known = len(sound.samples)
    block = np.where((at < known)[:, None], sound.samples[np.minimum(at, known - 1)], 0).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
    return frame
