"""Video: a baked clip seen from any viewpoint."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import dymap
from dymap.errors import InputError
from dymap.geometry.box import box_corners
from dymap.pictures import write_png
from dymap.play.video import Video
from dymap.video.model_file import load_video, save_video
from tests.golden.sources import Golden
from tests.video.videos import BOXES, FRAMES, painted_video


@pytest.fixture(scope="module")
def run(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run with a baked file in it."""
    folder = tmp_path_factory.mktemp("run")
    save_video(folder / "video.dymap", painted_video(trimmed))
    return folder


@pytest.fixture(scope="module")
def video(run: Path) -> Video:
    return dymap.load(run)


def test_run_and_file_are_the_same_video(run: Path, video: Video) -> None:
    file = dymap.load(str(run / "video.dymap"))
    for one in (video, file):
        assert one.name == "body"
        assert one.num_frames == FRAMES
        assert one.fps == 12.5
        assert len(one.cameras) == 6
        np.testing.assert_array_equal(one.boxes.numpy(), BOXES)
    camera = video.cameras[0]
    assert torch.equal(video.render(camera, 2).rgb, file.render(camera, 2).rgb)


def test_what_is_not_a_video_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not baked yet; run `dymap bake"):
        dymap.load(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        dymap.load(tmp_path / "none")
    (tmp_path / "video.mp4").write_bytes(b"film")
    with pytest.raises(InputError, match="not a complete dymap video"):
        dymap.load(tmp_path / "video.mp4")


@pytest.mark.parametrize("frame", [0, 4])
@pytest.mark.parametrize("view", [0, 2])
def test_renderers_agree(video: Video, frame: int, view: int) -> None:
    """Marching through the occupied voxels is an approximation of sampling the whole box, not another picture."""
    camera = video.cameras[view]
    fast, exact = video.render(camera, frame), video.render(camera, frame, renderer="volume")
    assert torch.equal(fast.hit, exact.hit)
    assert exact.acc.max() > 0.9
    assert (exact.acc < 0.01).any()
    assert (fast.rgb - exact.rgb).abs().mean() < 0.01
    assert (fast.acc - exact.acc).abs().mean() < 0.01
    opaque = exact.acc > 0.95
    assert opaque.any()
    assert (fast.depth - exact.depth)[opaque].abs().mean() < 0.05


def test_image_has_the_cameras_size_and_sees_the_body(video: Video) -> None:
    camera = video.cameras[0]
    image = video.render(camera, 1)
    assert image.rgb.shape == (camera.height, camera.width, 3)
    assert image.acc.shape == image.depth.shape == image.hit.shape == (camera.height, camera.width)
    assert image.rgb.min() >= 0
    assert image.rgb.max() <= 1
    body = image.acc > 0.9
    distance = np.linalg.norm(camera.position - BOXES[1].mean(axis=0))
    assert abs(float(image.depth[body].mean()) - distance) < 1
    assert torch.isinf(image.depth[~image.hit]).all()
    corners, _ = camera.project(box_corners(BOXES[1]))
    rows = torch.nonzero(body)[:, 0]
    assert rows.min() >= corners[:, 1].min() - 1
    assert rows.max() <= corners[:, 1].max() + 1


def test_frames_differ_and_return(video: Video) -> None:
    camera = video.cameras[0]
    images = [video.render(camera, frame).rgb for frame in range(FRAMES)]
    for a, b in itertools.pairwise(images):
        assert (a - b).abs().max() > 0.02
    assert torch.equal(video.render(camera, 0).rgb, images[0]), "frames pushed out of memory come back the same"


def test_backgrounds(video: Video) -> None:
    """All are the same rays over something else: rgb = premultiplied colour + (1 - acc) background."""
    camera = video.cameras[1]
    black = video.render(camera, 0)
    white = video.render(camera, 0, background="white")
    assert torch.allclose(white.rgb, black.rgb + (1 - black.acc)[..., None], atol=1e-6)
    assert (white.rgb[~white.hit] == 1).all()
    assert (black.rgb[~black.hit] == 0).all()
    picture = torch.rand(camera.height, camera.width, 3)
    over = video.render(camera, 0, background=picture)
    assert torch.allclose(over.rgb, black.rgb + (1 - black.acc)[..., None] * picture, atol=1e-6)
    clear = video.render(camera, 0, background="transparent")
    assert torch.equal(clear.rgb, black.rgb)
    for other in (white, over, clear):
        assert torch.equal(other.acc, black.acc)
        assert torch.equal(other.depth, black.depth)


def test_alpha_survives_the_file(video: Video, tmp_path: Path) -> None:
    """A transparent picture, saved, opened and laid over grey, is the picture rendered over grey."""
    camera = video.cameras[1]
    clear = video.render(camera, 0, background="transparent")
    path = write_png(tmp_path / "clear.png", clear.rgba())
    back = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., [2, 1, 0, 3]].astype(np.float64) / 255
    assert back[..., 3].min() == 0
    assert back[..., 3].max() > 0.9
    grey = torch.full((camera.height, camera.width, 3), 0.5)
    expected = video.render(camera, 0, background=grey).rgb.numpy()
    laid = back[..., :3] * back[..., 3:] + 0.5 * (1 - back[..., 3:])
    assert np.abs(laid - expected).max() < 2.5 / 255


@pytest.mark.parametrize("renderer", ["march", "volume"])
@pytest.mark.parametrize("frame", [-1, FRAMES, 100])
def test_frames_outside_the_clip(video: Video, frame: int, renderer: str) -> None:
    with pytest.raises(IndexError, match=rf"frame {frame} is outside the clip of {FRAMES} frames"):
        video.render(video.cameras[0], frame, renderer=renderer)  # type: ignore[arg-type]


def test_options_that_do_not_exist(video: Video) -> None:
    with pytest.raises(ValueError, match="unknown renderer 'raytrace'; known are 'march', 'fast', 'volume'"):
        video.render(video.cameras[0], renderer="raytrace")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown background"):
        video.render(video.cameras[0], background="green")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="background image has shape"):
        video.render(video.cameras[0], background=torch.zeros(3, 3, 3))


def test_any_camera_will_do(video: Video) -> None:
    """One that looks away sees nothing; one inside the body's box still sees; distortion is left out."""
    camera = video.cameras[0]
    away = camera.moved(np.diag([-1.0, 1, -1, 1]) @ camera.extrinsics)
    assert video.render(away).acc.max() == 0
    inside = replace(camera, T=-camera.R @ np.array([0.4, 0.5, 0.85]))
    assert video.render(inside).hit.all()
    bent = replace(camera, D=np.array([0.1, 0, 0, 0, 0]))
    assert torch.equal(video.render(bent).rgb, video.render(camera).rgb)
    wide = camera.resized(11, 3)
    assert video.render(wide).rgb.shape == (3, 11, 3)


def test_orbit_goes_round_the_scene(video: Video) -> None:
    cameras = video.orbit(8)
    assert len(cameras) == 8
    first = video.cameras[0]
    assert {(camera.width, camera.height) for camera in cameras} == {(first.width, first.height)}
    centre = np.mean([camera.position for camera in cameras], axis=0)
    around = [camera.position - centre for camera in cameras]
    for k in range(4):
        assert around[k] @ around[k + 4] < 0, "half a round later the camera is on the other side"
    sized = video.orbit(2, 30, 20)
    assert (sized[0].width, sized[0].height) == (30, 20)
    assert sized[0].K[0, 0] / sized[0].K[1, 1] == pytest.approx(first.K[0, 0] / first.K[1, 1]), "pixels stay square"


def test_few_frames_stay_in_memory(run: Path) -> None:
    small = Video(load_video(run / "video.dymap"), max_bytes=1)
    camera = small.cameras[0]
    a, b = small.render(camera, 0).rgb, small.render(camera, 3).rgb
    assert torch.equal(small.render(camera, 0).rgb, a)
    assert torch.equal(small.render(camera, 3).rgb, b)


def test_viewer_box_is_scaled_about_the_centre_and_shifted(trimmed: Golden) -> None:
    video = Video(replace(painted_video(trimmed), viewer_box=(0.8, 0.0, 0.0, 0.4)))
    box, shown = video.boxes[1], video.viewer_box(1)
    torch.testing.assert_close(shown[1] - shown[0], 0.8 * (box[1] - box[0]))
    torch.testing.assert_close(shown.mean(dim=0) - box.mean(dim=0), torch.tensor([0.0, 0.0, 0.4]))
    with pytest.raises(IndexError):
        video.viewer_box(FRAMES)


def test_a_video_and_what_is_in_it_say_themselves_in_one_line(trimmed: Golden) -> None:
    baked = painted_video(trimmed)
    hostile = replace(baked, name="a\x1b]0;b\n" * 100, cameras=(replace(baked.cameras[0], name="c\n" * 100),))
    bare = replace(baked, cameras=(), train_views=(), test_views=())
    for one in (baked, hostile, bare):
        for thing in (Video(one), one, *one.cameras):
            said = repr(thing)
            assert said.isprintable()
            assert "tensor" not in said
            assert len(said) < 250
    assert repr(Video(baked)) == "<Video of 'body': 5 frames at 12.5 fps, 6 cameras of 40 x 56, cpu>"
    assert repr(baked.cameras[1]).startswith("<Camera 'cam 1': 40 x 56, focal length 61 pixels, at (")
