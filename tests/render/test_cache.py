"""The renderers used last: by bytes, from several threads, and only what is occupied of their frames."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch

from dymap.config import RenderConfig
from dymap.geometry.camera import Camera, look_at
from dymap.kernels import Cancel, using
from dymap.recent import share_of_memory
from dymap.render.cache import MAX_BYTES, RendererCache
from dymap.render.fused import FusedRenderer
from dymap.render.image import Background, Image
from dymap.render.march import MarchRenderer
from dymap.render.renderer import RendererKey, RendererName, make_renderer, renderer_maker
from dymap.render.volume import VolumeRenderer
from tests.field.models import tiny_field
from tests.variants import with_all_kernels


class PaperRenderer:
    """Takes memory and makes no images."""

    def __init__(self, frame: int, nbytes: int = 1024):
        self.frame, self.nbytes = frame, nbytes

    def render(self, camera: Camera, background: Background = "black", cancel: Cancel | None = None) -> Image:
        raise NotImplementedError


class Maker:
    """Makes paper renderers of 1 kB and remembers which; if closed, only after the gate opens."""

    def __init__(self) -> None:
        self.made: list[RendererKey] = []
        self.gate = threading.Event()
        self.gate.set()
        self.fail = False

    def __call__(self, key: RendererKey) -> PaperRenderer:
        self.made.append(key)
        assert self.gate.wait(10)
        if self.fail:
            raise RuntimeError(f"frame {key.frame} is broken")
        return PaperRenderer(key.frame)

    @property
    def indices(self) -> list[int]:
        return [key.frame for key in self.made]


@pytest.fixture
def maker() -> Iterator[Maker]:
    maker = Maker()
    yield maker
    maker.gate.set()


def until(done: Callable[[], bool]) -> None:
    """Wait for another thread."""
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end, "the other thread does not get there"
        time.sleep(0.001)


def test_the_least_recently_used_renderer_goes(maker: Maker) -> None:
    cache = RendererCache(maker, max_bytes=2048)
    first, second = cache.get(0), cache.get(1)
    assert cache.get(0) is first
    cache.get(2)  # 1 has not been used since
    assert cache.get(0) is first
    assert cache.get(1) is not second


def test_a_second_pass_over_a_clip_that_fits_makes_nothing(maker: Maker) -> None:
    cache = RendererCache(maker, max_bytes=5 * 1024)
    first = [cache.get(index) for index in range(5)]
    second = [cache.get(index) for index in range(5)]
    assert all(a is b for a, b in zip(first, second, strict=True))
    assert maker.indices == list(range(5))


def test_what_is_ready_is_known_and_not_made_for_that(maker: Maker) -> None:
    cache = RendererCache(maker, max_bytes=2048)
    assert not cache.ready(0)
    cache.get(0)
    assert cache.ready(0)
    assert not cache.ready(0, "fast")
    cache.get(1)
    cache.get(2)
    assert [cache.ready(index) for index in range(3)] == [False, True, True]
    assert maker.indices == [0, 1, 2]


def test_one_renderer_stays_however_large_it_is(maker: Maker) -> None:
    cache = RendererCache(maker, max_bytes=1)
    assert cache.get(3) is cache.get(3)
    cache.get(4)
    cache.get(3)
    assert maker.indices == [3, 4, 3]


def test_each_name_has_a_renderer_of_its_own(maker: Maker) -> None:
    cache = RendererCache(maker, max_bytes=4096)
    march, volume, fast = cache.get(1), cache.get(1, "volume"), cache.get(1, "fast")
    assert march is not volume
    assert cache.get(1) is march
    assert cache.get(1, "march") is march
    assert cache.get(1, "volume") is volume
    assert cache.get(1, "fast") is fast
    assert maker.made == [RendererKey(1), RendererKey(1, "volume"), RendererKey(1, "fast")]


def test_what_a_renderer_derives_later_counts(maker: Maker) -> None:
    """A renderer grows while it renders, after it was handed out; then the older ones have to go."""
    cache = RendererCache(maker, max_bytes=4096)
    first, second = cache.get(0), cache.get(1)
    assert isinstance(second, PaperRenderer)
    second.nbytes += 4096
    assert cache.get(1) is second
    assert cache.get(0) is not first


def test_the_default_limit_is_a_part_of_the_memory() -> None:
    assert 2**20 < share_of_memory(MAX_BYTES) <= MAX_BYTES


def test_prefetched_renderers_are_here_when_asked_for(maker: Maker) -> None:
    with RendererCache(maker, max_bytes=10**6) as cache:
        cache.prefetch(1)
        until(lambda: cache._ahead is not None and cache._ahead.done())
        cache.prefetch(1)
        cache.get(1)
        cache.prefetch(1)
        assert maker.indices == [1]


def test_who_asks_for_a_renderer_that_is_being_made_waits_for_it(maker: Maker) -> None:
    maker.gate.clear()
    with RendererCache(maker, max_bytes=10**6) as cache, ThreadPoolExecutor() as others:
        cache.prefetch(1)
        until(lambda: maker.indices == [1])
        asked = [others.submit(cache.get, 1) for _ in range(4)]
        cache.prefetch(1)
        time.sleep(0.02)
        assert not any(one.done() for one in asked)
        maker.gate.set()
        assert len({id(one.result(10)) for one in asked}) == 1
        assert maker.indices == [1]


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise")
def test_ctrl_c_at_any_line_leaves_nobody_waiting_for_ever() -> None:
    """The main thread makes a renderer and is interrupted at one line after the other of the cache's file."""
    line = 0
    while interrupted_at(line):
        line += 1
    assert line > 15


def interrupted_at(chosen: int) -> bool:
    """Ctrl-C at a line of the cache's file while a renderer is made; then another thread asks. False: no such line."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != RendererCache.take.__code__.co_filename:
            return None
        if event == "line":
            lines += 1
            if lines == chosen + 1:
                signal.raise_signal(signal.SIGINT)
        return trace

    cache, before = RendererCache(Maker(), max_bytes=10**6), sys.gettrace()
    interrupted = False
    sys.settrace(trace)
    try:
        cache.get(0)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        sys.settrace(before)
    asking = threading.Thread(target=cache.get, args=(0,), daemon=True)  # it must not hold up the tests' end
    asking.start()
    asking.join(10)
    assert not asking.is_alive(), f"waits for ever: interrupted at line {chosen} of those that are run"
    cache.close()
    return interrupted


def test_of_several_requests_the_newest_waits(maker: Maker) -> None:
    maker.gate.clear()
    with RendererCache(maker, max_bytes=10**6) as cache:
        cache.prefetch(0)
        until(lambda: maker.indices == [0])
        for index in (1, 2, 3):
            cache.prefetch(index)
        maker.gate.set()
        until(lambda: cache._ahead is not None and cache._ahead.done())
        assert maker.indices == [0, 3]


def test_errors_surface_when_the_renderer_is_asked_for(maker: Maker) -> None:
    maker.fail = True
    with RendererCache(maker, max_bytes=10**6) as cache:
        cache.prefetch(1)
        with pytest.raises(RuntimeError, match="frame 1 is broken"):
            cache.get(1)
        with pytest.raises(RuntimeError, match="frame 1 is broken"):
            cache.get(1)
        maker.fail = False
        assert cache.get(1) is cache.get(1)


def test_closing_waits_and_forgets(maker: Maker) -> None:
    maker.gate.clear()
    cache = RendererCache(maker, max_bytes=10**6)
    cache.prefetch(0)
    until(lambda: maker.indices == [0])
    cache.prefetch(1)
    threading.Timer(0.02, maker.gate.set).start()
    cache.close()
    assert maker.indices == [0]
    cache.get(0)
    assert maker.indices == [0, 0]


def test_many_threads_get_what_they_ask_for(maker: Maker) -> None:
    """Everybody gets the renderer of the frame asked for, within the limit."""
    with RendererCache(maker, max_bytes=4 * 1024) as cache, ThreadPoolExecutor(8) as others:

        def use(seed: int) -> None:
            for step in range(50):
                index = (seed * 7 + step * step) % 9
                cache.prefetch((index + 1) % 9)
                renderer = cache.get(index)
                assert isinstance(renderer, PaperRenderer)
                assert renderer.frame == index

        for one in [others.submit(use, seed) for seed in range(8)]:
            one.result(30)
        assert len(cache._kept) <= 4
    assert not cache._making


def test_renderers_get_frames_limited_to_what_is_occupied() -> None:
    field = tiny_field()
    occupancy = torch.zeros(2, 4, 4, 4, dtype=torch.bool)
    occupancy[1, 0, 0, 0] = True
    full = field.at(1)
    with using("torch"):
        make = renderer_maker(field, occupancy, RenderConfig(max_samples=50))
        limited, whole, nothing = make(RendererKey(1)), make(RendererKey(1, "volume")), make(RendererKey(0))
    assert isinstance(limited, MarchRenderer)
    assert isinstance(whole, VolumeRenderer)
    assert isinstance(nothing, MarchRenderer)
    assert torch.equal(limited.grid, occupancy[1])
    assert not limited.frame.planes.requires_grad  # type: ignore[attr-defined]
    assert not whole.frame.planes.requires_grad  # type: ignore[attr-defined]
    assert torch.equal(whole.frame.planes, full.planes)  # type: ignore[attr-defined]
    position = torch.rand(100, 3) / 4
    torch.testing.assert_close(limited.frame.density(position)[0], full.density(position)[0], atol=1e-4, rtol=1e-4)
    assert not limited.frame.planes[0, -1].any()  # type: ignore[attr-defined]
    assert not nothing.frame.planes.any()  # type: ignore[attr-defined]


@with_all_kernels
def test_a_renderer_made_in_the_cache_sees_what_one_of_the_whole_frame_sees() -> None:
    """Whether a back end renders in one call or torch does."""
    field, occupancy = tiny_field(density=20.0), torch.rand(2, 4, 4, 4) < 0.5
    settings = RenderConfig(max_samples=50)
    make = renderer_maker(field, occupancy, settings)
    R, T = look_at((3.0, 0.7, 1.1), (0.05, 0.05, 0.7))
    view = Camera(np.array([[30.0, 0, 12], [0, 30, 9], [0, 0, 1]]), R, T, 24, 18)
    with torch.no_grad():
        expected = make_renderer("march", field.at(1), occupancy[1], settings).render(view)
    seen = make(RendererKey(1)).render(view)
    assert seen.acc.max() > 0.5
    torch.testing.assert_close(seen.rgb, expected.rgb, atol=3e-3, rtol=0)
    torch.testing.assert_close(seen.acc, expected.acc, atol=3e-3, rtol=0)


@with_all_kernels
def test_renderers_say_what_they_keep() -> None:
    """What a back end renders in one call is kept by it; the others keep their frame."""
    make = renderer_maker(tiny_field(), torch.ones(2, 4, 4, 4, dtype=torch.bool))
    exact, fast, volume = make(RendererKey(0)), make(RendererKey(0, "fast")), make(RendererKey(0, "volume"))
    assert isinstance(volume, VolumeRenderer)
    assert volume.nbytes == volume.frame.nbytes
    if isinstance(exact, MarchRenderer):
        assert exact.nbytes == exact.frame.nbytes
        assert isinstance(fast, MarchRenderer)
    else:
        assert isinstance(exact, FusedRenderer)
        assert isinstance(fast, FusedRenderer)
        assert exact.nbytes >= volume.frame.planes.nbytes + volume.frame.hash.nbytes  # type: ignore[attr-defined]
        assert fast.nbytes > 0


@pytest.mark.parametrize("index", [-1, 2])
@pytest.mark.parametrize("name", ["march", "fast", "volume", "gpu"])
def test_frames_outside_the_clip_are_refused(index: int, name: RendererName) -> None:
    cache = RendererCache(renderer_maker(tiny_field(), torch.ones(2, 4, 4, 4, dtype=torch.bool)))
    with pytest.raises(IndexError, match="outside the clip of 2 frames"):
        cache.get(index, name)


def test_an_unknown_renderer_is_refused() -> None:
    cache = RendererCache(renderer_maker(tiny_field(), torch.ones(2, 4, 4, 4, dtype=torch.bool)))
    with pytest.raises(ValueError, match="unknown renderer 'raytrace'; known are 'march', 'fast', 'volume', 'gpu'"):
        cache.get(0, "raytrace")  # type: ignore[arg-type]
