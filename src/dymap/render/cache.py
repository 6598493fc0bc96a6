"""The renderers used last, one a frame and name, kept while they fit into memory; the next one is made ahead."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from dymap.render.renderer import Renderer, RendererKey, RendererName
from dymap.signals import held

MAX_BYTES = 8 * 2**30
"""Renderers take at most this, or a quarter of the physical memory if that is less."""


class RendererCache:
    """Least recently used renderers, so that neither a standing time nor a short clip that repeats decodes twice.

    make: makes a renderer (see `renderer_maker` in renderer.py). max_bytes: what all may take together; the one used
    last always stays. May be used from several threads; each renderer is made by one of them, the others wait.
    """

    def __init__(self, make: Callable[[RendererKey], Renderer], max_bytes: int | None = None):
        self.max_bytes = default_max_bytes() if max_bytes is None else max_bytes
        self._make = make
        self._lock = threading.Lock()
        self._renderers: OrderedDict[RendererKey, Renderer] = OrderedDict()
        self._making: dict[RendererKey, Future[Renderer]] = {}
        self._background = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dymap-frames")
        self._ahead: Future[Renderer] | None = None

    def get(self, frame: int, name: RendererName = "march") -> Renderer:
        """The renderer of the frame at a position. Raises what making it raises."""
        with held():  # Ctrl-C comes after it: whoever else asks for it waits for this one
            renderer = self._fetch(RendererKey(frame, name))
            with self._lock:
                self._trim()
        return renderer

    def prefetch(self, frame: int, name: RendererName = "march") -> None:
        """Make a renderer in the background, unless it is here. Of several requests the newest waits for its turn.

        An error is not kept: who asks for the renderer tries again and gets it.
        """
        key = RendererKey(frame, name)
        with held(), self._lock:
            if key in self._renderers or key in self._making:
                return
            if self._ahead is not None:
                self._ahead.cancel()  # no effect once it runs
            self._ahead = self._background.submit(self._fetch, key)

    def close(self) -> None:
        """End the background thread and forget all renderers."""
        with held():
            self._background.shutdown(cancel_futures=True)
            with self._lock:
                self._renderers.clear()

    def __enter__(self) -> RendererCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fetch(self, key: RendererKey) -> Renderer:
        """A renderer that is kept, or made now. The main thread is here with signals `held`."""
        with self._lock:
            if key in self._renderers:
                self._renderers.move_to_end(key)
                return self._renderers[key]
            being_made = self._making.get(key)
            if being_made is None:
                mine = self._making[key] = Future[Renderer]()
        if being_made is not None:
            return being_made.result()
        try:
            renderer = self._make(key)
        except BaseException as error:
            with self._lock:
                del self._making[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._making[key]
            self._renderers[key] = renderer
            self._trim()
        mine.set_result(renderer)
        return renderer

    def _trim(self) -> None:
        """Let the least recently used renderers go until the others fit. They may have grown since they were made."""
        while len(self._renderers) > 1 and sum(kept.nbytes for kept in self._renderers.values()) > self.max_bytes:
            self._renderers.popitem(last=False)


def default_max_bytes() -> int:
    """A quarter of the physical memory (if the system reports it), at most MAX_BYTES."""
    try:
        return min(MAX_BYTES, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4)
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return MAX_BYTES
