"""Clips of several segments: where they lie, how they share frames, and what of them is in memory."""

from __future__ import annotations

import copy
import gc
import itertools
import weakref
from dataclasses import replace

import pytest
import torch

from dymap.field.segment import FrameModel, Segment
from dymap.play.video import Video
from dymap.render.renderer import renderer_of
from dymap.video.clip import BakedVideo
from dymap.video.spans import OVERLAP, Span, cut, shares
from tests.golden.sources import Golden
from tests.video.videos import painted_video


@pytest.mark.parametrize("frames", [1, 2, 7, 45, 46, 60, 75, 76, 150, 1001])
@pytest.mark.parametrize("length", [0, 4, 30])
def test_segments_cover_the_clip_and_neighbours_overlap(frames: int, length: int) -> None:
    spans = cut(frames, length)
    assert spans[0].first == 0
    assert spans[-1].stop == frames
    assert all(one.stop - other.first == OVERLAP for one, other in itertools.pairwise(spans))
    lengths = {span.frames for span in spans}
    assert max(lengths) - min(lengths) <= 1
    if not length or 2 * frames <= 3 * length:
        assert len(spans) == 1
    else:
        assert 0.7 * length <= min(lengths)
        assert max(lengths) <= 1.5 * length + OVERLAP


def test_weights_cross_over_and_sum_to_one() -> None:
    spans = cut(60, 30)
    assert spans == (Span(0, 31), Span(29, 60))
    assert shares(spans, 28) == ((0, 1.0),)
    assert shares(spans, 31) == ((1, 1.0),)
    for position, late in ((29, 1 / 3), (30, 2 / 3)):
        (earlier, a), (later, b) = shares(spans, position)
        assert (earlier, later) == (0, 1)
        assert (a, b) == (pytest.approx(1 - late), pytest.approx(late))
    for outside in (-1, 60):
        with pytest.raises(IndexError, match="outside the clip of 60 frames"):
            shares(spans, outside)


class Loader:
    """Loads segments out of one video; counts them."""

    def __init__(self, video: BakedVideo, spans: tuple[Span, ...]):
        self.video, self.spans, self.asked = video, spans, list[int]()

    def __call__(self, k: int) -> Segment:
        self.asked.append(k)
        span, whole = self.spans[k], self.video.segment(0)
        field = whole.field.with_codes(whole.field.codes.weight[span.first : span.stop])  # type: ignore[union-attr,index]
        field._buffers = {"boxes": whole.field.boxes[span.first : span.stop]}
        return Segment(field, whole.occupancy[span.first : span.stop])


def in_segments(video: BakedVideo, spans: tuple[Span, ...], max_bytes: int | None = None) -> tuple[BakedVideo, Loader]:
    loader = Loader(video, spans)
    return replace(video, segments=spans, load=loader, max_bytes=max_bytes), loader


SPANS = (Span(0, 3), Span(1, 5))


def test_one_segment_is_drawn_as_it_is_and_overlaps_are_mixed(trimmed: Golden) -> None:
    clip, _ = in_segments(painted_video(trimmed), SPANS)
    camera = clip.cameras[0]
    with_two = Video(clip)
    assert with_two.num_frames == 5
    for position in range(5):
        seen = with_two.render(camera, position, background="white")
        models = clip.frame_model(position)
        images = []
        for model in models:
            alone, _ = in_segments(painted_video(trimmed), SPANS)
            part = replace(
                alone, segments=(Span(0, model.segment.field.num_frames),), load=lambda _, m=model: m.segment
            )
            images.append(Video(part).render(camera, model.frame, background="white"))
        assert len(images) == (2 if position in (1, 2) else 1)
        if len(images) == 1:
            assert torch.equal(seen.rgb, images[0].rgb)
            continue
        for name in ("rgb", "acc"):
            expected = sum(model.weight * getattr(one, name) for model, one in zip(models, images, strict=True))
            torch.testing.assert_close(getattr(seen, name), expected, rtol=0, atol=1e-5)
        inside = seen.hit
        expected = sum(model.weight * one.depth[inside] for model, one in zip(models, images, strict=True))
        torch.testing.assert_close(seen.depth[inside], expected, rtol=0, atol=1e-4)
        assert torch.isinf(seen.depth[~inside]).all()
        assert clip.nearest(position).weight == max(model.weight for model in models)
    for outside in (-1, 5):
        with pytest.raises(IndexError):
            with_two.render(camera, outside)


def test_memory_stays_bounded_and_the_next_segment_is_loaded_ahead(trimmed: Golden) -> None:
    video = painted_video(trimmed)
    spans = (Span(0, 2), Span(2, 3), Span(3, 4), Span(4, 5))
    size = Loader(video, spans)(0).nbytes
    clip, loader = in_segments(video, spans, max_bytes=round(2.5 * size))
    largest = 0
    for position in range(5):
        clip.frame_model(position)
        if clip._loaded._ahead is not None:
            clip._loaded._ahead.result(10)
        largest = max(largest, len(clip._loaded._kept))
    assert loader.asked == [0, 1, 2, 3, 0]  # each when it is needed or just before; after the last the first
    assert largest == 2
    assert sum(segment.nbytes for segment in clip._loaded._kept.values()) <= clip._loaded.max_bytes
    clip.close()
    assert not clip._loaded._kept


def test_without_room_for_two_nothing_is_loaded_ahead(trimmed: Golden) -> None:
    spans = (Span(0, 2), Span(2, 5))
    clip, loader = in_segments(painted_video(trimmed), spans, max_bytes=1)
    for position in (0, 1, 0, 1):
        clip.frame_model(position)
    assert loader.asked == [0]


def test_renderers_do_not_keep_segments_in_memory(trimmed: Golden) -> None:
    """Else a long clip's renderers would hold all that was ever loaded."""
    video = painted_video(trimmed)
    field = copy.deepcopy(video.field)
    tables = weakref.ref(field.hash.tables[0])
    renderer = renderer_of(FrameModel(Segment(field, video.occupancy), 2, 1.0), "march", video.render)
    del field
    gc.collect()
    assert tables() is None
    camera = video.cameras[0]
    assert torch.equal(renderer.render(camera).rgb, Video(video).render(camera, 2).rgb)
