"""What was used last, kept while it fits into memory; what will be used next is made ahead."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from dymap.signals import held


class Sized(Protocol):
    """What says how much memory it takes."""

    @property
    def nbytes(self) -> int: ...


Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value", bound=Sized)


class Recent(Generic[Key, Value]):
    """The least recently used values go first.

    make: makes the value of a key. max_bytes: what all may take together; the one used last always stays. May be used
    from several threads; each value is made by one of them, the others wait.
    """

    def __init__(self, make: Callable[[Key], Value], max_bytes: int):
        self.max_bytes = max_bytes
        self._make = make
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Value] = OrderedDict()
        self._making: dict[Key, Future[Value]] = {}
        self._background = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dymap-ahead")
        self._ahead: Future[Value] | None = None
        self._closed = False

    def take(self, key: Key) -> Value:
        """The value of a key. Raises what making it raises."""
        with held():  # Ctrl-C comes after it: whoever else asks for it waits for this one
            value = self._fetch(key)
            with self._lock:
                self._trim()
        return value

    def has(self, key: Key) -> bool:
        """Whether a value is kept, so that it can be had at once."""
        with self._lock:
            return key in self._kept

    def ahead(self, key: Key) -> None:
        """Make a value in the background, unless it is here. Of several requests the newest waits for its turn.

        An error is not kept: who asks for the value tries again and gets it.
        """
        with held(), self._lock:
            if key in self._kept or key in self._making or self._closed:
                return
            if self._ahead is not None:
                self._ahead.cancel()  # no effect once it runs
            self._ahead = self._background.submit(self._fetch, key)

    def close(self) -> None:
        """End the background thread and forget everything."""
        with held():
            self._closed = True
            self._background.shutdown(cancel_futures=True)
            with self._lock:
                self._kept.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fetch(self, key: Key) -> Value:
        """A value that is kept, or made now. The main thread is here with signals `held`."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            being_made = self._making.get(key)
            if being_made is None:
                mine = self._making[key] = Future[Value]()
        if being_made is not None:
            return being_made.result()
        try:
            value = self._make(key)
        except BaseException as error:
            with self._lock:
                del self._making[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._making[key]
            self._kept[key] = value
            self._trim()
        mine.set_result(value)
        return value

    def _trim(self) -> None:
        """Let the least recently used values go until the others fit. They may have grown since they were made."""
        while len(self._kept) > 1 and sum(kept.nbytes for kept in self._kept.values()) > self.max_bytes:
            self._kept.popitem(last=False)


def share_of_memory(most: int, share: int = 4) -> int:
    """Bytes: one `share`-th of the physical memory (if the system reports it), at most `most`."""
    try:
        return min(most, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // share)
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return most
