"""A picture of the viewer is what `Video.render` makes, in each layer."""

from __future__ import annotations

import numpy as np
import torch

from dymap.kernels import Cancel
from dymap.play.layers import acc_layer
from dymap.play.video import Video
from dymap.play.viewer.camera import camera_of, view_of
from dymap.play.viewer.picture import render
from dymap.render.image import Cancelled
from tests.play.viewer.visitor import SIDE


def test_a_picture_is_exactly_what_video_renders(video: Video) -> None:
    """K of camera 0 has its middle at 63.5 with centres at integers, a browser's at 64 with centres at + 0.5."""
    camera = video.cameras[0]
    same = camera_of(view_of(camera), SIDE)
    np.testing.assert_allclose(same.K[:2, 2] - same.pixel_offset, camera.K[:2, 2], atol=1e-9)
    for renderer in ("march", "fast"):
        picture = render(video, same, 3, "rgb", renderer, (0, 0, 0))
        rendered = video.render(camera, 3, renderer=renderer).numpy()
        assert np.abs(picture.astype(int) - rendered).max() <= 1
        assert (picture != rendered).mean() < 1e-3


def test_colours_have_the_background_and_depth_and_opacity_black(video: Video) -> None:
    camera = camera_of(view_of(video.cameras[2]), 64)
    red = render(video, camera, 1, "rgb", "march", (255, 0, 0))
    acc = render(video, camera, 1, "acc", "march", (255, 0, 0))
    depth = render(video, camera, 1, "depth", "march", (255, 0, 0))
    empty = acc.max(axis=-1) == 0
    assert 0.3 < empty.mean() < 0.95
    assert (red[empty] == (255, 0, 0)).all()
    assert (depth[empty] == 0).all()
    assert (depth[acc[..., 0] == 255].max(axis=-1) > 60).all()
    np.testing.assert_array_equal(acc, acc_layer(video.render(camera, 1)))


def test_cancelled_images_are_said_to_be(video: Video) -> None:
    cancel = Cancel()
    camera = video.cameras[0]
    try:
        cancel.cancel()
        image = video.render(camera, cancel=cancel)
    except Cancelled:
        return
    torch.testing.assert_close(image.rgb, video.render(camera).rgb)  # without the native core it is finished
