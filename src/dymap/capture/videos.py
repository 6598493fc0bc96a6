"""Video files: one picture at a time, chosen by number or by time.

    video = VideoFile(path)
    video.picture(video.index_at(1.5))    [H, W, 3] RGB, of 1.5 seconds after the first picture

Sizes are those of the picture as it is looked at: the rotation that phones write is followed, as OpenCV's own reader
does, so that calibrations made of these pictures fit. Non-square pixels stay as they are stored.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from numpy.typing import NDArray

from dymap.capture.decode import MAX_PIXELS
from dymap.capture.dynamic_range import Primaries, Transfer
from dymap.capture.video_colours import primaries_of, rgb, transfer_of
from dymap.capture.video_decoder import Decoder
from dymap.capture.video_packets import Packets, opened, read_packets
from dymap.errors import InputError

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Turn:
    """How a stored picture becomes the one that is looked at: first transposed, then mirrored."""

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    def apply(self, picture: Bytes) -> Bytes:
        """picture: [H, W, 3]."""
        if self.transposed:
            picture = picture.swapaxes(0, 1)
        if self.mirrored:
            picture = picture[:, ::-1]
        if self.flipped:
            picture = picture[::-1]
        return np.ascontiguousarray(picture)


@dataclass(frozen=True)
class Facts:
    """What a video is. width, height: after turning. bits: of a value. rate: frames a second that the file speaks of,
    0: of none."""

    width: int
    height: int
    turn: Turn
    bits: int
    transfer: Transfer
    primaries: Primaries
    codec: str
    has_audio: bool
    rate: float


class VideoFile:
    """One video, whose pictures are decoded when they are asked for. Several threads may ask at once.

    Opening decodes one picture. When each picture is shown is read from the whole file, without decoding it, when that
    is asked for first.
    """

    def __init__(self, path: Path, threads: int = 1):
        """threads: that decode. Raises InputError that names the file if it is no video or cannot be decoded."""
        self.path = path
        self.threads = threads
        self.facts = read_facts(path)
        self._decoder: Decoder | None = None
        self._lock = threading.RLock()

    @property
    def width(self) -> int:
        """Pixels of a picture as it is looked at."""
        return self.facts.width

    @property
    def height(self) -> int:
        """Pixels of a picture as it is looked at."""
        return self.facts.height

    @property
    def has_audio(self) -> bool:
        """Whether there is sound too."""
        return self.facts.has_audio

    @cached_property
    def packets(self) -> Packets:
        """Raises InputError that names the file and the time if it is truncated."""
        return read_packets(self.path)

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """[n] seconds of each picture after the first one, rising. Raises InputError as `packets` does."""
        with self._lock:
            return self.packets.times

    @property
    def begin(self) -> float:
        """Seconds of the container's clock, which sound has too, at which the first picture is shown."""
        return self.packets.begin

    @property
    def interval(self) -> float:
        """Seconds from a picture to the next, usually."""
        if len(self.times) > 1:
            return float(np.median(np.diff(self.times)))
        return 1 / self.facts.rate if self.facts.rate else 1 / 25

    @property
    def duration(self) -> float:
        """Seconds from the first picture to the end of the last."""
        return float(self.times[-1]) + self.interval

    @property
    def fps(self) -> float:
        """Frames a second, on average."""
        return (len(self.times) - 1) / float(self.times[-1]) if len(self.times) > 1 else 1 / self.interval

    def index_at(self, time: float) -> int:
        """The picture that is shown nearest to a time, in seconds after the first one."""
        after = int(np.clip(np.searchsorted(self.times, time), 1, max(len(self.times) - 1, 1)))
        before = after - 1
        if after >= len(self.times) or time - self.times[before] <= self.times[after] - time:
            return before
        return after

    def picture(self, index: int) -> Bytes:
        """[H, W, 3] RGB of BT.709. Raises InputError that names the file and the time if it is damaged there."""
        if not 0 <= index < len(self.times):
            raise InputError(f"{self.path}: has no picture {index}, but {len(self.times)} from 0 on")
        with self._lock:
            if self._decoder is None:
                self._decoder = Decoder(self.path, self.packets, self.threads)
            frame = self._decoder.frame(index)
            picture = self.facts.turn.apply(rgb(frame))
        if picture.shape[:2] != (self.height, self.width):
            raise InputError(
                f"{self.path}: from {self.times[index]:.3f} seconds on pictures are {picture.shape[1]} x "
                f"{picture.shape[0]}, those before {self.width} x {self.height}; export the video at one size"
            )
        return picture

    def close(self) -> None:
        """Give the decoder's memory back; it is opened again when a picture is asked for."""
        with self._lock:
            if self._decoder is not None:
                self._decoder.close()
                self._decoder = None

    @property
    def told(self) -> str:
        """What is done to its pictures that a user should know; empty: nothing."""
        names: dict[str, str] = {"hlg": "HLG", "pq": "PQ", "bt2020": "BT.2020", "p3": "Display P3"}
        if self.facts.transfer != "sdr":
            return f"{names[self.facts.transfer]} is tone-mapped to BT.709"
        if self.facts.primaries != "bt709":
            return f"colours of {names[self.facts.primaries]} are brought to BT.709"
        return ""


def read_facts(path: Path) -> Facts:
    """What a video is, from its header and its first picture. Raises InputError that names the file."""
    with opened(path) as (container, stream):
        context = stream.codec_context
        if context.width * context.height > MAX_PIXELS:
            raise InputError(f"{path}: video of {context.width} x {context.height} pixels is larger than any camera's")
        frame = next(container.decode(stream), None)
        if frame is None:
            raise InputError(f"{path}: holds no picture that can be decoded")
        turn = _turn(path, frame)
        size = (frame.height, frame.width) if turn.transposed else (frame.width, frame.height)
        bits = frame.format.components[0].bits
        rate = float(stream.average_rate or 0)
        return Facts(
            *size,
            turn,
            bits,
            transfer_of(frame),
            primaries_of(frame),
            context.name,
            bool(container.streams.audio),
            rate,
        )


def _turn(path: Path, frame: Any) -> Turn:
    """The turn of a frame's display matrix (ISO/IEC 14496-12, 8.3.2): x' = a x + c y, y' = b x + d y, up to a shift."""
    data = frame.side_data.get(SideDataType.DISPLAYMATRIX)
    if data is None:
        return Turn()
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].astype(np.float64) / 65536
    if abs(b) < 1e-3 * abs(a) and abs(c) < 1e-3 * abs(d):
        return Turn(False, bool(a < 0), bool(d < 0))
    if abs(a) < 1e-3 * abs(b) and abs(d) < 1e-3 * abs(c):
        return Turn(True, bool(c < 0), bool(b < 0))
    raise InputError(
        f"{path}: is to be shown turned by {np.degrees(np.arctan2(b, a)):.1f} degrees; only quarter turns are "
        "known: export it without"
    )
