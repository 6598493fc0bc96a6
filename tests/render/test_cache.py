"""The Frames used last: by bytes, from several threads, and only what is occupied of them."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from dymap.field.frame import Frame
from dymap.kernels import ALL_PLANES
from dymap.render.cache import MAX_BYTES, FrameCache, FrameKey, default_max_bytes, frame_bytes, frame_maker
from tests.field.models import BOXES, TINY, tiny_field


def paper_frame(values: int = 256) -> Frame:
    """A Frame of 4 * `values` bytes."""
    return Frame(TINY, torch.empty(0), torch.zeros(values), torch.empty(0), encode)


def encode(position: Tensor, *bound: object, which: Sequence[int] = ALL_PLANES, **more: object) -> Tensor:  # noqa: ARG001
    """No hash grids; takes everything that may be bound to it."""
    return position


class Maker:
    """Makes paper frames of 1 kB and remembers which; if closed, only after the gate opens."""

    def __init__(self) -> None:
        self.made: list[FrameKey] = []
        self.gate = threading.Event()
        self.gate.set()
        self.fail = False

    def __call__(self, key: FrameKey) -> Frame:
        self.made.append(key)
        assert self.gate.wait(10)
        if self.fail:
            raise RuntimeError(f"frame {key.frame} is broken")
        return paper_frame()

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


def test_the_least_recently_used_frame_goes(maker: Maker) -> None:
    cache = FrameCache(maker, max_bytes=2048)
    first, second = cache[0], cache[1]
    assert cache[0] is first
    cache[2]  # 1 has not been used since
    assert cache[0] is first
    assert cache[1] is not second


def test_a_second_pass_over_a_clip_that_fits_makes_nothing(maker: Maker) -> None:
    cache = FrameCache(maker, max_bytes=5 * 1024)
    first = [cache[index] for index in range(5)]
    second = [cache[index] for index in range(5)]
    assert all(a is b for a, b in zip(first, second, strict=True))
    assert maker.indices == list(range(5))


def test_one_frame_stays_however_large_it_is(maker: Maker) -> None:
    cache = FrameCache(maker, max_bytes=1)
    assert cache[3] is cache[3]
    cache[4]
    cache[3]
    assert maker.indices == [3, 4, 3]


def test_a_frame_is_made_for_each_kind_of_renderer(maker: Maker) -> None:
    cache = FrameCache(maker, max_bytes=4096)
    limited, whole, fast = cache[1], cache.get(1, whole=True), cache.get(1, fast=True)
    assert limited is not whole
    assert cache.get(1) is limited
    assert cache.get(1, whole=True) is whole
    assert cache.get(1, fast=True) is fast
    assert maker.made == [FrameKey(1), FrameKey(1, whole=True), FrameKey(1, fast=True)]


def test_what_is_derived_from_a_frame_counts(maker: Maker) -> None:
    """A Frame grows when it is rendered, after it was handed out; then the older ones have to go."""
    cache = FrameCache(maker, max_bytes=4096)
    first, second = cache[0], cache[1]
    vars(second)["networks"] = torch.zeros(1024)
    assert cache[1] is second
    assert cache[0] is not first


@pytest.mark.parametrize("collapse", [True, False])
def test_frame_bytes_are_those_of_its_tensors(collapse: bool) -> None:
    """The collapsed hash grids belong to the Frame; the tables of the field do not."""
    with torch.no_grad():
        field = tiny_field()
        frame = field.at(0, collapse=collapse)
        grids = 3 * field.hash.levels.plane_offsets[-1] * TINY.hash.features * 4 if collapse else 0
        assert frame_bytes(frame) == frame.planes.nbytes + frame.maps.nbytes + BOXES.nbytes + grids
        before, networks = frame_bytes(frame), frame.networks
        assert frame_bytes(frame) - before >= networks.first.nbytes + networks.second.nbytes


def test_bytes_count_bound_tensors_once_and_storage_as_a_whole() -> None:
    table = torch.zeros(1000)
    bound = functools.partial(encode, grids=table[:10], more=[table, table * 1])
    frame = Frame(TINY, torch.empty(0), table[5:7], torch.empty(0), bound)
    assert frame_bytes(frame) == 8000


def test_the_default_limit_is_a_part_of_the_memory() -> None:
    assert 2**20 < default_max_bytes() <= MAX_BYTES


def test_prefetched_frames_are_here_when_asked_for(maker: Maker) -> None:
    with FrameCache(maker, max_bytes=10**6) as cache:
        cache.prefetch(1)
        until(lambda: cache._ahead is not None and cache._ahead.done())
        cache.prefetch(1)
        cache[1]
        cache.prefetch(1)
        assert maker.indices == [1]


def test_who_asks_for_a_frame_that_is_being_made_waits_for_it(maker: Maker) -> None:
    maker.gate.clear()
    with FrameCache(maker, max_bytes=10**6) as cache, ThreadPoolExecutor() as others:
        cache.prefetch(1)
        until(lambda: maker.indices == [1])
        asked = [others.submit(cache.get, 1) for _ in range(4)]
        cache.prefetch(1)
        time.sleep(0.02)
        assert not any(one.done() for one in asked)
        maker.gate.set()
        assert len({id(one.result(10)) for one in asked}) == 1
        assert maker.indices == [1]


def test_of_several_wishes_the_newest_waits(maker: Maker) -> None:
    maker.gate.clear()
    with FrameCache(maker, max_bytes=10**6) as cache:
        cache.prefetch(0)
        until(lambda: maker.indices == [0])
        for index in (1, 2, 3):
            cache.prefetch(index)
        maker.gate.set()
        until(lambda: cache._ahead is not None and cache._ahead.done())
        assert maker.indices == [0, 3]


def test_errors_surface_when_the_frame_is_asked_for(maker: Maker) -> None:
    maker.fail = True
    with FrameCache(maker, max_bytes=10**6) as cache:
        cache.prefetch(1)
        with pytest.raises(RuntimeError, match="frame 1 is broken"):
            cache[1]
        with pytest.raises(RuntimeError, match="frame 1 is broken"):
            cache[1]
        maker.fail = False
        assert cache[1] is cache[1]


def test_closing_waits_and_forgets(maker: Maker) -> None:
    maker.gate.clear()
    cache = FrameCache(maker, max_bytes=10**6)
    cache.prefetch(0)
    until(lambda: maker.indices == [0])
    cache.prefetch(1)
    threading.Timer(0.02, maker.gate.set).start()
    cache.close()
    assert maker.indices == [0]
    cache[0]
    assert maker.indices == [0, 0]


def test_many_threads() -> None:
    """Everybody gets the frame of the index asked for, within the limit."""

    def make(key: FrameKey) -> Frame:
        frame = paper_frame()
        frame.planes.fill_(key.frame)
        return frame

    with FrameCache(make, max_bytes=4 * 1024) as cache, ThreadPoolExecutor(8) as others:

        def use(seed: int) -> None:
            for step in range(50):
                index = (seed * 7 + step * step) % 9
                cache.prefetch((index + 1) % 9)
                assert cache[index].planes[0] == index

        for one in [others.submit(use, seed) for seed in range(8)]:
            one.result(30)
        assert len(cache._frames) <= 4
        assert cache._sizes.keys() == cache._frames.keys()
    assert not cache._making


def test_a_fields_frames_are_limited_to_what_is_occupied() -> None:
    field = tiny_field()
    occupancy = torch.zeros(2, 4, 4, 4, dtype=torch.bool)
    occupancy[1, 0, 0, 0] = True
    cache = FrameCache(frame_maker(field, occupancy))
    full = field.at(1)
    limited, whole = cache[1], cache.get(1, whole=True)
    assert not limited.planes.requires_grad
    assert not whole.planes.requires_grad
    assert torch.equal(whole.planes, full.planes)
    position = torch.rand(100, 3) / 4
    torch.testing.assert_close(limited.density(position)[0], full.density(position)[0], atol=1e-4, rtol=1e-4)
    assert not limited.planes[0, -1].any()
    assert not cache[0].planes.any()
    assert torch.equal(FrameCache(frame_maker(field))[1].planes, full.planes)


@pytest.mark.parametrize("index", [-1, 2])
def test_frames_outside_the_clip(index: int) -> None:
    cache = FrameCache(frame_maker(tiny_field(), torch.ones(2, 4, 4, 4, dtype=torch.bool)))
    for whole in (False, True):
        with pytest.raises(IndexError, match="outside the clip of 2 frames"):
            cache.get(index, whole)
