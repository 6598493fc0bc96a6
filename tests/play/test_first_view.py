"""The view that a page begins with, from Python."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dymap.geometry.box import box_corners
from dymap.play.first_view import first_view, framed_box
from dymap.play.video import Video
from tests.golden.sources import Golden
from tests.video.videos import painted_video


@pytest.mark.parametrize("size", [(96, 96), (200, 90), (60, 160)])
def test_the_whole_box_is_in_the_picture_upright_from_the_first_cameras_side(
    trimmed: Golden, size: tuple[int, int]
) -> None:
    video = Video(painted_video(trimmed))
    camera = first_view(video, *size)
    pixels, depths = camera.project(box_corners(framed_box(video)))
    share = np.abs((pixels + 0.5) / size - 0.5).max()
    assert 0.43 < share < 0.5, "inside, and not far"
    assert depths.min() > 0
    middle = framed_box(video).mean(axis=0)
    side, first = camera.position - middle, video.cameras[0].position - middle
    assert side @ first == pytest.approx(np.linalg.norm(side) * np.linalg.norm(first))


def test_what_is_framed_is_the_box_of_a_viewer(trimmed: Golden) -> None:
    baked = painted_video(trimmed)
    plain, viewed = (framed_box(Video(replace(baked, viewer_box=box))) for box in ((1, 0, 0, 0), (2, 0.5, 0, -1)))
    assert np.allclose(viewed.mean(axis=0), plain.mean(axis=0) + np.array([0.5, 0, -1]))
    assert np.allclose(viewed[1] - viewed[0], 2 * (plain[1] - plain[0]))


def test_a_clip_without_cameras_has_no_first_side(trimmed: Golden) -> None:
    with pytest.raises(ValueError, match="without cameras"):
        first_view(Video(replace(painted_video(trimmed), cameras=(), test_views=(), train_views=())), 16, 16)
