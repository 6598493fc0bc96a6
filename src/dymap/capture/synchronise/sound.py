"""The sound of a video: to compare with that of other cameras, and to keep for films."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from dymap.capture.video_packets import opened, reason
from dymap.errors import InputError
from dymap.files import replacing

RATE = 16000
"""Samples a second in which sounds are compared: more than speech and claps need."""


def read_sound(path: Path, begin: float, seconds: float, rate: int = RATE) -> NDArray[np.float64]:
    """[n] samples of one channel, the first one `begin` seconds after the container's beginning; silence where there
    is none. Raises InputError that names the file if its sound is damaged."""
    samples = np.zeros(max(int(seconds * rate), 1))
    for start, block in _blocks(path, rate, "mono"):
        at = round((start - begin) * rate)
        if at >= len(samples):
            break
        first, last = max(at, 0), min(at + block.shape[1], len(samples))
        if last > first:
            samples[first:last] = block[0, first - at : last - at] / 32768
    return samples


def keep_sound(path: Path, out: Path, begin: float, seconds: float, rate: int = 48000) -> None:
    """Write the sound between two times of the container as a WAV file of two channels and 16 bits."""
    total, done = round(seconds * rate), 0
    with replacing(out) as partial, wave.open(str(partial), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        for start, block in _blocks(path, rate, "stereo"):
            at = round((start - begin) * rate)
            if at + block.shape[1] <= done:
                continue
            if at >= total:
                break
            if at > done:  # silence until the sound begins
                file.writeframes(bytes(4 * (at - done)))
                done = at
            part = block[:, done - at : total - at]
            file.writeframes(np.ascontiguousarray(part.T).astype("<i2").tobytes())
            done += part.shape[1]
        file.writeframes(bytes(4 * max(total - done, 0)))


def _blocks(path: Path, rate: int, layout: str) -> Iterator[tuple[float, NDArray[np.int16]]]:
    """(seconds of the container, [channels, n] samples) of the first stream of sound, in the order of time."""
    with opened(path) as (container, _):
        if not container.streams.audio:
            return
        resampler = av.AudioResampler(format="s16p", layout=layout, rate=rate)
        clock: float | None = None
        try:
            for frame in container.decode(container.streams.audio[0]):
                if clock is None:
                    clock = frame.time or 0.0
                elif frame.time is not None and abs(frame.time - clock) > 0.1:  # a gap in the recording
                    clock = frame.time
                for part in resampler.resample(frame):
                    block = np.asarray(part.to_ndarray(), np.int16)
                    yield clock, block
                    clock += block.shape[1] / rate
        except av.FFmpegError as error:
            raise InputError(f"{path}: its sound is damaged ({reason(error)}); give the offsets in a file") from None
