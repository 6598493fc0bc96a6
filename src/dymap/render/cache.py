"""The Frames used last, kept while they fit into memory; the next one is made in the background."""

from __future__ import annotations

import dataclasses
import functools
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dymap.field.decoder import PlaneDecoder
from dymap.field.field import Field
from dymap.field.frame import Frame
from dymap.field.prepared import Precision, PreparedDecoder
from dymap.kernels import Scene, multiplies_half
from dymap.render.fused import fast_scene

MAX_BYTES = 8 * 2**30
"""Frames take at most this, or a quarter of the physical memory if that is less."""


class FrameKey(NamedTuple):
    """frame: position in the clip; whole: all of its box, or only what is occupied; fast: what the fast renderer
    needs of it."""

    frame: int
    whole: bool = False
    fast: bool = False


def frame_bytes(frame: Frame | Scene) -> int:
    """Memory of a Frame's tensors and of what has been derived from them so far. Shared storage counts once."""
    if isinstance(frame, Scene):
        return frame.nbytes
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in _tensors(frame)}
    return sum(storages.values())


def _tensors(value: Any) -> Iterable[Tensor]:
    """All tensors in a value, through dataclasses (with their cached properties), containers and bound arguments."""
    if isinstance(value, Tensor):
        return [value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts: Iterable[Any] = tuple(vars(value).values())  # another thread may be deriving more
    elif isinstance(value, functools.partial):
        parts = (*value.args, *value.keywords.values())
    elif isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, (tuple, list)):
        parts = value
    else:
        return []
    return [tensor for part in parts for tensor in _tensors(part)]


def default_max_bytes() -> int:
    """A quarter of the physical memory (where the system tells it), at most MAX_BYTES."""
    try:
        return min(MAX_BYTES, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4)
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return MAX_BYTES


def frame_maker(
    field: Field, occupancy: Tensor | None = None, max_samples: int = 256, precision: Precision | None = None
) -> Callable[[FrameKey], Frame | Scene]:
    """Makes Frames of a field that is not trained any more.

    occupancy: [frames, gx, gy, gz] bool. Frames that are not `whole` mean something in its voxels only. None: every
    frame is whole; so it is if the field has a decoder of another kind. max_samples: on the box's diagonal, and
    precision: of the decoder, default bfloat16 where the processor multiplies in it, of what is made for the fast
    renderer; without the native core that is a Frame too.
    """
    decoder: Callable[[Precision], PreparedDecoder] | None = None
    if isinstance(field.decoder, PlaneDecoder):
        decoder = functools.cache(functools.partial(PreparedDecoder, field.decoder))

    @torch.no_grad()
    def make(key: FrameKey) -> Frame | Scene:
        if occupancy is None or key.whole or not 0 <= key.frame < len(occupancy):
            return field.at(key.frame)
        occupied = occupancy[key.frame]
        if not key.fast:
            prepared = None if decoder is None else decoder("float32")
            return field.at(key.frame, occupied=None if decoder is None else occupied, decoder=prepared)
        prepared = None if decoder is None else decoder(precision or ("bfloat16" if multiplies_half() else "float32"))
        frame = field.at(key.frame, occupied=None if decoder is None else occupied, decoder=prepared)
        return fast_scene(frame, occupied, max_samples) or frame

    return make


class FrameCache:
    """Least recently used Frames, so that neither a standing time nor a short clip that repeats decodes twice.

    make: makes a Frame (see `frame_maker`). max_bytes: what all Frames may take together, by `frame_bytes`; the one
    used last always stays. May be used from several threads; each Frame is made by one of them, the others wait.
    """

    def __init__(self, make: Callable[[FrameKey], Frame | Scene], max_bytes: int | None = None):
        self.max_bytes = default_max_bytes() if max_bytes is None else max_bytes
        self._make = make
        self._lock = threading.Lock()
        self._frames: OrderedDict[FrameKey, Frame | Scene] = OrderedDict()
        self._sizes: dict[FrameKey, int] = {}
        self._in_use: FrameKey | None = None  # handed out last; it grows while it is rendered
        self._making: dict[FrameKey, Future[Frame | Scene]] = {}
        self._background = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dymap-frames")
        self._ahead: Future[Frame | Scene] | None = None

    def __getitem__(self, index: int) -> Frame | Scene:
        """The Frame at a position, limited to what is occupied."""
        return self.get(index)

    def get(self, index: int, whole: bool = False, fast: bool = False) -> Frame | Scene:
        """The Frame at a position. Raises what making it raises."""
        key = FrameKey(index, whole, fast)
        frame = self._fetch(key)
        with self._lock:
            self._trim()
            self._in_use = key
        return frame

    def prefetch(self, index: int, whole: bool = False, fast: bool = False) -> None:
        """Make a Frame in the background, unless it is here. Of several such wishes the newest waits for its turn.

        An error is not kept: who asks for the Frame tries again and gets it.
        """
        key = FrameKey(index, whole, fast)
        with self._lock:
            if key in self._frames or key in self._making:
                return
            if self._ahead is not None:
                self._ahead.cancel()  # no effect once it runs
            self._ahead = self._background.submit(self._fetch, key)

    def close(self) -> None:
        """End the background thread and forget all Frames."""
        self._background.shutdown(cancel_futures=True)
        with self._lock:
            self._frames.clear()
            self._sizes.clear()

    def __enter__(self) -> FrameCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fetch(self, key: FrameKey) -> Frame | Scene:
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
                return self._frames[key]
            being_made = self._making.get(key)
            if being_made is None:
                mine = self._making[key] = Future[Frame | Scene]()
        if being_made is not None:
            return being_made.result()
        try:
            frame = self._make(key)
        except BaseException as error:
            with self._lock:
                del self._making[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._making[key]
            self._frames[key] = frame
            self._sizes[key] = frame_bytes(frame)
            self._trim()
        mine.set_result(frame)
        return frame

    def _trim(self) -> None:
        """Let the least recently used Frames go until the others fit."""
        if self._in_use is not None and self._in_use in self._frames:
            self._sizes[self._in_use] = frame_bytes(self._frames[self._in_use])
        while sum(self._sizes.values()) > self.max_bytes and len(self._frames) > 1:
            oldest, _ = self._frames.popitem(last=False)
            del self._sizes[oldest]
