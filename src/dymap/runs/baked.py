"""The baked video of a field: what a clip is, gathered from the field, its configuration and the capture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from dymap.capture import Source
from dymap.capture.capture import prepared_rig
from dymap.config import Config
from dymap.field.field import Field
from dymap.field.segment import Segment
from dymap.video.clip import About, BakedVideo, one_segment
from dymap.video.spans import Span


def baked_clip(
    segments: Sequence[Span],
    load: Callable[[int], Segment],
    boxes: Tensor,
    config: Config,
    source: Source,
    about: About,
) -> BakedVideo:
    """The video of several segments. load: makes one of them. boxes: [frames, 2, 3] of the whole clip."""
    settings = config.capture
    cameras, train_views, test_views = prepared_rig(source, settings)
    return BakedVideo(
        segments=tuple(segments),
        load=load,
        boxes=boxes,
        render=config.render,
        bake=config.bake,
        fps=settings.fps,
        frames=source.frames,
        cameras=cameras,
        train_views=train_views,
        test_views=test_views,
        name=source.name,
        path_views=settings.path_views,
        transform=settings.transform,
        viewer_box=settings.viewer_box,
        about=about,
    )


def baked_video(
    field: Field, occupancy: Tensor, config: Config, source: Source | None, name: str, about: About | None = None
) -> BakedVideo:
    """The video of a field that keeps its codes, with its occupancy [frames, gx, gy, gz] bool.

    source: the capture it was trained on, whose cameras and name it gets; None: it has no cameras and is called `name`.
    """
    settings = config.capture
    cameras, train_views, test_views = prepared_rig(source, settings) if source else ((), (), ())
    return one_segment(
        field=field,
        occupancy=occupancy,
        render=config.render,
        bake=config.bake,
        fps=settings.fps,
        frames=source.frames if source else tuple(range(field.num_frames)),
        cameras=cameras,
        train_views=train_views,
        test_views=test_views,
        name=source.name if source else name,
        path_views=settings.path_views,
        transform=settings.transform,
        viewer_box=settings.viewer_box,
        about=about,
    )
