"""Video files of strangers, opened; and when each of their pictures is shown, without decoding them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.signals import check_ended

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mxf"
"""Containers that are opened: none that is a list of other files."""
ENDINGS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mts", ".m2ts", ".ts", ".mpg", ".mpeg", ".mxf", ".3gp")
"""Of video files, lower case."""
Row = tuple[int | None, int | None, bool, bool]
"""Of a packet: when it is shown, when it is decoded, whether it is a key, whether it is not shown at all."""
UNSAID = 0.5
"""Seconds by which a file may be shorter than it says."""
MAX_PACKETS = 2**23
"""Of one video: nine hours at 240 frames a second."""


@dataclass(frozen=True, eq=False)
class Packets:
    """The packets of a video's stream as the file holds them, which is the order of decoding.

    stamps: [n] when each is shown. seeks: [n] the stamps that the file is searched by. keys: [n] bool: decoding may
    begin there. shown: [m] positions among the n, in the order of showing, of those that are shown. counted: pictures
    have no stamps of their own in this file, and are told apart only by their order. unit: seconds of a stamp.
    """

    stamps: NDArray[np.int64]
    seeks: NDArray[np.int64]
    keys: NDArray[np.bool_]
    shown: NDArray[np.int64]
    counted: bool
    unit: float

    @property
    def begin(self) -> float:
        """Seconds of the container's clock at which the first picture is shown."""
        return float(self.stamps[self.shown[0]] * self.unit)

    @property
    def times(self) -> NDArray[np.float64]:
        """[m] seconds after the first picture, rising."""
        shown = self.stamps[self.shown]
        return np.asarray((shown - shown[0]) * self.unit)


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and the stream of a video. Raises InputError that names the file for whatever cannot be opened."""
    container, stream = open_video(path)
    try:
        yield container, stream
    except av.FFmpegError as error:
        raise InputError(f"{path}: damaged video ({reason(error)}); copy or export it again") from None
    finally:
        container.close()


def open_video(path: Path) -> tuple[Any, Any]:
    """As `opened`, to be closed by the caller."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: no regular file, but a folder, pipe or device")
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
        container = av.open(os.path.abspath(path), options=options, metadata_errors="replace")
    except FileNotFoundError:
        raise InputError(f"{path}: video is missing") from None
    except av.FFmpegError as error:
        raise InputError(
            f"{path}: not a readable video ({reason(error)}); perhaps it was cut off before its end was written: copy "
            "it again, or let the camera repair it"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    # Pictures of an album's cover are streams of video too.
    streams = [stream for stream in container.streams.video if not int(stream.disposition) & 0x400]
    if not streams:
        kinds = ", ".join(sorted({str(stream.type) for stream in container.streams})) or "nothing"
        container.close()
        raise InputError(f"{path}: holds no video, only {kinds}")
    if streams[0].codec_context is None:
        container.close()
        raise InputError(f"{path}: no decoder is known for its video; export it as H.264 or HEVC")
    return container, streams[0]


def read_packets(path: Path) -> Packets:
    """When each picture of a video is shown: reads the file, decodes nothing.

    Raises InputError that names the file and the time if it ends before its end.
    """
    with opened(path) as (container, stream):
        unit = float(stream.time_base)
        rows: list[Row] = []
        # Files that do not count their pictures say how long the longest of their streams is.
        promised = (container.duration or 0) / av.time_base if "matroska" in container.format.name else 0.0
        latest = 0.0
        for packet in container.demux() if promised else container.demux(stream):
            check_ended()
            if packet.size == 0:  # the end
                continue
            latest = max(latest, float(((packet.pts or 0) + (packet.duration or 0)) * packet.time_base))
            if packet.stream.index != stream.index:
                continue
            if packet.is_corrupt:
                raise InputError(_cut_off(path, rows, unit, stream))
            rows.append((packet.pts, packet.dts, packet.is_keyframe, packet.is_discard))
            if len(rows) > MAX_PACKETS:
                raise InputError(f"{path}: more than {MAX_PACKETS} pictures; cut the video into pieces")
        if 0 < _counted(rows, "avi" in container.format.name) < stream.frames or latest < promised - UNSAID:
            raise InputError(_cut_off(path, rows, unit, stream, promised))
        rate = float(stream.average_rate or 25)
    if not any(row[2] for row in rows):
        raise InputError(f"{path}: holds no picture that can be decoded")
    return _ordered(rows, unit, rate)


def _counted(rows: list[Row], numbered: bool) -> int:
    """Pictures that were found, as files count them.

    numbered: stamps are numbers of pictures, as in AVI files, which count those that the recorder dropped too: for them
    they hold empty chunks, of which no packet is made.
    """
    if not numbered:
        return len(rows)
    return max((stamp for row in rows for stamp in row[:2] if stamp is not None), default=len(rows) - 1) + 1


def _ordered(rows: list[Row], unit: float, rate: float) -> Packets:
    keys = np.array([row[2] for row in rows])
    kept = np.array([not row[3] for row in rows])
    seeks = np.array([_first(row[1], row[0], place) for place, row in enumerate(rows)], np.int64)
    shown_at = [row[0] for row in rows]
    stamps = seeks if None in shown_at else np.array(shown_at, np.int64)
    first = int(np.argmax(keys))  # nothing that is stored or shown before the first key picture can be decoded
    shown = np.flatnonzero(kept & (np.arange(len(rows)) >= first) & (stamps >= stamps[first]))
    shown = shown[np.argsort(stamps[shown], kind="stable")]
    counted = None in shown_at or len(np.unique(stamps)) < len(stamps)
    if counted and (np.diff(stamps[shown]) <= 0).any():  # no stamps that rise: pictures follow each other evenly
        stamps, unit = np.arange(len(rows), dtype=np.int64), 1 / rate
    return Packets(stamps, seeks, keys, shown, counted, unit)


def _first(*values: Any) -> int:
    return next(int(value) for value in values if value is not None)


def _cut_off(path: Path, rows: list[Row], unit: float, stream: Any, promised: float = 0.0) -> str:
    ends = max((row[0] or 0 for row in rows), default=0) * unit
    promised = promised or float(stream.duration * stream.time_base if stream.duration else 0)
    total = f" of {promised:.2f}" if promised else ""
    return (
        f"{path}: the video is truncated: it ends after {ends:.2f}{total} seconds ({len(rows)} pictures); copy it again"
    )


def reason(error: Exception) -> str:
    """What FFmpeg makes of a file, in its words."""
    return str(getattr(error, "strerror", None) or error)
