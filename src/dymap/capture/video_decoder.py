"""The pictures of one video in any order, each exactly as decoding from the beginning gives it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import av
import numpy as np

from dymap.capture.video_packets import Packets, open_video, reason
from dymap.errors import InputError


class Decoder:
    """An open decoder, which goes on for pictures that follow, and begins again at a key picture for all others.

    Not to be used by several threads at once.
    """

    def __init__(self, path: Path, packets: Packets, threads: int = 1):
        """threads: of the decoder, each of which keeps a picture."""
        self.path, self.packets, self.threads = path, packets, threads
        self._places = {int(stamp): place for place, stamp in enumerate(packets.stamps)}
        self._shown = packets.stamps[packets.shown]
        self._first_key = int(np.argmax(packets.keys))
        self._container, self._stream = self._open()
        self._frames = self._decoded(self._first_key)
        self._last = -1  # what came out last: a place in the order of showing
        self._fed = self._first_key  # the last packet that went in

    def frame(self, index: int) -> Any:
        """The decoded frame (av.VideoFrame) of a picture. Raises InputError that names the file and the time."""
        if self.packets.counted:
            return self._by_count(index)
        wanted = int(self._shown[index])
        starts = self._starts(index)
        if not (self._last < index and starts[0] <= self._fed):
            self._begin(starts.pop(0))
        while True:
            try:
                if found := self._find(wanted):
                    return found
                why = ""
            except av.FFmpegError as error:
                why = reason(error)
            if not starts:
                raise self._damaged(index, why)
            self._begin(starts.pop(0))

    def close(self) -> None:
        """Give the file and the decoder's memory back."""
        self._frames.close()
        self._container.close()

    def _find(self, wanted: int) -> Any:
        """The frame of a stamp among those that follow; None if a later one comes first."""
        for frame in self._frames:
            if frame.pts is None:
                continue
            self._last = int(np.searchsorted(self._shown, frame.pts))
            if frame.pts >= wanted:
                return frame if frame.pts == wanted else None
        return None

    def _by_count(self, index: int) -> Any:
        if index <= self._last:
            self._begin(self._first_key)
        try:
            for frame in self._frames:
                self._last += 1
                if self._last == index:
                    return frame
        except av.FFmpegError as error:
            raise self._damaged(index, reason(error)) from None
        raise self._damaged(index)

    def _starts(self, index: int) -> list[int]:
        """Key packets from which a picture can be decoded, the nearest first.

        Pictures that are shown before their key picture and stored behind it (of open groups) need the one before it.
        A key picture may be one only by name (of gradual refreshes): then the next attempt begins earlier, and the last
        one at the beginning.
        """
        place = int(self.packets.shown[index])
        keys = np.flatnonzero(self.packets.keys[: place + 1])
        near = [int(key) for key in keys if self.packets.stamps[key] <= self.packets.stamps[place]]
        nearest = near[:-4:-1]
        return nearest if self._first_key in nearest else [*nearest, self._first_key]

    def _begin(self, place: int) -> None:
        """Go to a key packet, or before it."""
        self._frames.close()
        self._last, self._fed = -1, place
        self._frames = self._decoded(place)
        if place != self._first_key:
            try:
                self._container.seek(int(self.packets.seeks[place]), stream=self._stream)
                return
            except av.FFmpegError:  # files without an index are read from their beginning
                pass
        self._container.close()
        self._container, self._stream = self._open()

    def _decoded(self, start: int) -> Generator[Any, None, None]:
        """Frames from the key packet at `start` on; what lies before it is passed over."""
        begun, counted = False, self.packets.counted
        for packet in self._container.demux(self._stream):
            place = None if packet.size == 0 or counted else self._places.get(packet.pts)
            if not begun:
                if place is not None and place > start:  # the search went too far
                    return
                begun = place == start or (counted and packet.is_keyframe)
            # Pictures shown before the key picture rest on what was not decoded, and nothing rests on them.
            if begun and (place is None or self.packets.stamps[place] >= self.packets.stamps[start]):
                self._fed = self._fed if place is None else place
                yield from packet.decode()

    def _damaged(self, index: int, why: str = "") -> InputError:
        self._last = len(self.packets.shown)  # whatever is asked for next begins anew
        return InputError(
            f"{self.path}: the picture at {self.packets.times[index]:.3f} seconds cannot be decoded"
            f"{f' ({why})' if why else ''}: the video is damaged there; copy or export it again, or choose an interval "
            "without it"
        )

    def _open(self) -> tuple[Any, Any]:
        container, stream = open_video(self.path)
        stream.codec_context.options = {"err_detect": "explode"}  # else damage is painted over without a word
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = self.threads
        return container, stream
