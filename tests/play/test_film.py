"""Films: which camera sees which frame, and that the files show what was rendered."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dymap.capture import Capture
from dymap.errors import InputError
from dymap.play.camera_file import write_cameras
from dymap.play.film import (
    FilmImage,
    find_view,
    fixed_time_film,
    fixed_view_film,
    orbit_film,
    path_film,
    whole_clips,
    write_film,
)
from dymap.play.layers import acc_layer, depth_layer, depth_range, diff_layer
from dymap.play.video import Video
from dymap.runs.truth import ground_truth
from dymap.video.clip import BakedVideo
from tests.golden.sources import Golden
from tests.play.test_camera_file import nerf_entry
from tests.play.test_movie import decode, decode_alpha
from tests.video.videos import FRAMES, painted_video


@pytest.fixture(scope="module")
def baked(trimmed: Golden) -> BakedVideo:
    return painted_video(trimmed)


@pytest.fixture(scope="module")
def video(baked: BakedVideo) -> Video:
    return Video(baked)


class Filmed:
    """Stands for the capture of a video: noise, sizes as they are."""

    name = "noise"

    def __init__(self, video: Video, frames: int = FRAMES):
        self.cameras = video.cameras
        self.frames = range(frames)

    def image(self, frame: int, view: int) -> tuple[NDArray[np.uint8], None]:
        camera = self.cameras[view]
        generator = np.random.default_rng(100 * frame + view)
        return generator.integers(0, 256, (camera.height, camera.width, 3), np.uint8), None


def capture_of(video: Video, frames: int = FRAMES) -> Capture:
    return Filmed(video, frames)  # type: ignore[return-value]


def picture(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None, path
    return image[..., [2, 1, 0, 3][: image.shape[-1]]].astype(np.uint8)


def close(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> bool:
    """As an encoder leaves it."""
    return bool(np.abs(ours.astype(float) - theirs).mean() < 0.02 * 255)


def same_place(a: FilmImage, b: FilmImage) -> bool:
    return bool(np.array_equal(a.camera.extrinsics, b.camera.extrinsics) and np.array_equal(a.camera.K, b.camera.K))


def test_free_view(video: Video) -> None:
    film = orbit_film(video, 7)
    assert [step.frame for step in film] == [0, 1, 2, 3, 4, 0, 1]
    assert all(step.view is None for step in film)
    for step, camera in zip(film, video.orbit(7), strict=True):
        assert np.array_equal(step.camera.extrinsics, camera.extrinsics)
    assert len(orbit_film(video)) == whole_clips(video) == 50, "4 s at 12.5 fps are ten clips of five frames"
    assert whole_clips(video, 0.1) == FRAMES
    assert orbit_film(video, 1, (30, 20))[0].camera.width == 30
    assert not same_place(orbit_film(video, 3, published=True)[1], orbit_film(video, 3)[1])


def test_fixed_time(video: Video) -> None:
    film = fixed_time_film(video, 3)
    assert len(film) == 100
    assert {step.frame for step in film} == {3}
    assert not same_place(film[0], film[1])
    assert same_place(fixed_time_film(video, 0, 7)[2], orbit_film(video, 7)[2])
    for frame in (-1, FRAMES):
        with pytest.raises(InputError, match=f"frame {frame} is outside the clip: it has positions 0 to 4"):
            fixed_time_film(video, frame)


def test_fixed_view(video: Video) -> None:
    film = fixed_view_film(video, 2, 7)
    assert [step.frame for step in film] == [0, 1, 2, 3, 4, 0, 1]
    assert {step.view for step in film} == {2}
    assert all(step.camera is video.cameras[2] for step in film)
    assert len(fixed_view_film(video, 2)) == 50
    published = fixed_view_film(video, count=7)
    assert all(same_place(step, orbit_film(video, 7)[0]) for step in published)
    assert {step.view for step in published} == {None}
    sized = fixed_view_film(video, 2, 1, (30, 20))[0]
    assert (sized.camera.width, sized.camera.height, sized.view) == (30, 20, None)
    camera = video.cameras[2]
    assert fixed_view_film(video, 2, 1, (camera.width, camera.height))[0].view == 2


def test_views_by_index_and_name(baked: BakedVideo) -> None:
    names = ("a", "03", "2", "orbit", "", "ü")
    cameras = tuple(replace(camera, name=name) for camera, name in zip(baked.cameras, names, strict=True))
    video = Video(replace(baked, cameras=cameras))
    expected = {"a": 0, "03": 1, "2": 2, "3": 3, "5": 5, "ü": 5, 4: 4}
    assert {view: find_view(video, view) for view in expected} == expected
    for view in ("6", "-1", "b", "01", "1.0", 6, -1):
        with pytest.raises(
            InputError, match=rf"view '{view}' does not exist: there are indices 0 to 5 and names a, 03"
        ):
            find_view(video, view)


def test_transforms_of_a_camera_render_its_picture(video: Video, tmp_path: Path) -> None:
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps({"frames": [nerf_entry(camera) for camera in video.cameras[:2]]}))
    film = path_film(video, path)
    assert [step.frame for step in film] == [0, 1]
    for step, camera in zip(film, video.cameras[:2], strict=True):
        ours, theirs = video.render(step.camera, step.frame), video.render(camera, step.frame)
        assert theirs.acc.max() > 0.9
        assert torch.equal(ours.hit, theirs.hit)
        assert (ours.rgb - theirs.rgb).abs().max() < 1e-3
        assert (ours.acc - theirs.acc).abs().max() < 1e-3


def test_saved_path_is_the_same_film(video: Video, tmp_path: Path) -> None:
    film = fixed_time_film(video, 2, 3)
    write_cameras(tmp_path / "path.json", [(step.camera, step.frame) for step in film])
    again = path_film(video, tmp_path / "path.json")
    assert all(same_place(a, b) and a.frame == b.frame for a, b in zip(film, again, strict=True))
    assert torch.equal(video.render(*again[1][:2]).rgb, video.render(*film[1][:2]).rgb)
    assert [step.frame for step in path_film(video, tmp_path / "path.json", frame=4)] == [4, 4, 4]
    small = path_film(video, tmp_path / "path.json", (20, 28))
    assert {(step.camera.width, step.camera.height) for step in small} == {(20, 28)}
    with pytest.raises(InputError, match="frame 5 is outside the clip"):
        path_film(video, tmp_path / "path.json", frame=5)


def test_a_film_has_one_size(video: Video, tmp_path: Path) -> None:
    path = tmp_path / "path.json"
    write_cameras(path, [(video.cameras[0], None), (video.cameras[1].resized(10, 10), None)])
    with pytest.raises(InputError, match=r"path\.json: images of 2 sizes, but a film has one; choose it with --size"):
        path_film(video, path)
    assert len(path_film(video, path, (16, 16))) == 2


@pytest.mark.parametrize("size", [(128, 72), (72, 128), (64, 64)])
def test_nothing_is_stretched_by_a_size(video: Video, tmp_path: Path, size: tuple[int, int]) -> None:
    """Of no kind of film: pixels keep the shape that the capture's have, and what they show its width to height."""
    path = tmp_path / "path.json"
    write_cameras(path, [(video.cameras[2], 0)])
    angles = tmp_path / "transforms.json"
    entry = {key: nerf_entry(video.cameras[2])[key] for key in ("transform_matrix",)}
    angles.write_text(json.dumps({"camera_angle_x": 0.7, "camera_angle_y": 0.9, "frames": [entry]}))
    shape = video.cameras[2].K[0, 0] / video.cameras[2].K[1, 1]
    films = {
        "orbit": orbit_film(video, 2, size), "published": orbit_film(video, 2, size, published=True),
        "time": fixed_time_film(video, 1, 2, size), "view": fixed_view_film(video, 2, 1, size),
        "path": path_film(video, path, size), "angles": path_film(video, angles, size),
    }  # fmt: skip
    for name, film in films.items():
        for step in film:
            K = step.camera.K
            assert (step.camera.width, step.camera.height) == size, name
            assert K[0, 0] / K[1, 1] == pytest.approx({"angles": 1.0}.get(name, shape), abs=0.02), name
    seen, filmed = (
        video.render(camera, 0).acc.numpy() > 0.5
        for camera in (films["view"][0].camera, video.cameras[2].fitted(160, 224))
    )
    ratios = [np.ptp(np.nonzero(mask.any(axis=0))) / np.ptp(np.nonzero(mask.any(axis=1))) for mask in (seen, filmed)]
    assert ratios[0] == pytest.approx(ratios[1], rel=0.1)


def test_every_layer_is_what_was_rendered(video: Video, tmp_path: Path) -> None:
    """Each image is rendered once; PNG frames are exact; films are close; depth has one scale."""
    film = fixed_view_film(video, "cam 4", FRAMES)
    capture = capture_of(video)
    calls: list[tuple[int, int]] = []
    paths = write_film(
        video, film, tmp_path / "a.mp4", layers=("rgb", "depth", "acc", "diff", "rgb"), png=tmp_path / "png",
        truth=ground_truth(video, capture), progress=lambda done, count: calls.append((done, count)),
    )  # fmt: skip
    assert [path.name for path in paths] == ["a.mp4", "a_depth.mp4", "a_acc.mp4", "a_diff.mp4"]
    assert calls == [(k + 1, FRAMES) for k in range(FRAMES)]
    near, far = depth_range([video.cameras[4].position] * FRAMES, video.boxes.numpy())
    films = [decode(path) for path in paths]
    for k, step in enumerate(film):
        image = video.render(step.camera, k)
        expected = [
            image.numpy(),
            depth_layer(image, near, far),
            acc_layer(image),
            diff_layer(image, capture.image(k, 4)[0]),
        ]
        for folder, theirs, frames in zip(("", "depth", "acc", "diff"), expected, films, strict=True):
            np.testing.assert_array_equal(picture(tmp_path / "png" / folder / f"{k:06d}.png"), theirs)
            assert folder == "diff" or close(frames[k], theirs)  # noise does not survive an encoder


def test_depth_film_shows_the_body_between_its_ends(video: Video, tmp_path: Path) -> None:
    write_film(video, fixed_time_film(video, 0, 2), None, layers=["depth"], png=tmp_path)
    seen = picture(tmp_path / "depth" / "000000.png").reshape(-1, 3)
    assert (seen == 0).all(axis=1).any(), "background"
    body = seen[seen.sum(axis=1) > 150]
    assert len(np.unique(body, axis=0)) > 20


def test_renderer_and_white(video: Video, tmp_path: Path) -> None:
    film = orbit_film(video, 2)
    write_film(video, film, None, background="white", renderer="volume", png=tmp_path)
    theirs = video.render(film[1].camera, 1, renderer="volume", background="white")
    np.testing.assert_array_equal(picture(tmp_path / "000001.png"), theirs.numpy())


@pytest.mark.parametrize("suffix", [".mov", ".webm"])
def test_transparent_films_lie_over_anything(video: Video, tmp_path: Path, suffix: str) -> None:
    """Laid over grey, a transparent film is the picture rendered over grey; its alpha is the opacity."""
    film = fixed_view_film(video, 1, 3)
    path, depth = write_film(
        video, film, tmp_path / f"a{suffix}", layers=("rgb", "depth"), background="transparent", png=tmp_path
    )
    frames, pixels = decode_alpha(path)
    assert pixels.startswith("yuva")
    assert len(frames) == 3
    for k, frame in enumerate(frames):
        image = video.render(film[k].camera, k, background=torch.full((56, 40, 3), 0.5))
        assert np.abs(frame[..., 3] / 255 - image.acc.numpy()).mean() < 0.01
        alpha = frame[..., 3:] / 255
        laid = frame[..., :3] / 255 * alpha + 0.5 * (1 - alpha)
        assert np.abs(laid - image.rgb.numpy()).mean() < 0.02
        clear = video.render(film[k].camera, k, background="transparent")
        np.testing.assert_array_equal(picture(tmp_path / f"{k:06d}.png"), clear.rgba())
    with av.open(str(depth)) as container:
        assert "alpha_mode" not in container.streams.video[0].metadata
        assert not container.streams.video[0].codec_context.pix_fmt.startswith("yuva")


def test_what_cannot_be_written(video: Video, tmp_path: Path) -> None:
    film = orbit_film(video, 2)
    with pytest.raises(InputError, match="an MP4 film cannot be transparent"):
        write_film(video, film, tmp_path / "a.mp4", background="transparent")
    with pytest.raises(InputError, match="at least one layer and one image"):
        write_film(video, film, tmp_path / "a.mp4", layers=())
    with pytest.raises(InputError, match="at least one layer and one image"):
        write_film(video, [], tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_errors_need_what_was_filmed(video: Video, tmp_path: Path) -> None:
    view, truth = fixed_view_film(video, 1, 2), ground_truth(video, capture_of(video))
    for film in (orbit_film(video, 2), fixed_view_film(video, 1, 2, (8, 8))):
        with pytest.raises(InputError, match="the layer diff compares with what was filmed"):
            write_film(video, film, tmp_path / "a.mp4", layers=["diff"], truth=truth)
    with pytest.raises(InputError, match="the layer diff needs the capture"):
        write_film(video, view, tmp_path / "a.mp4", layers=["diff"])
    with pytest.raises(InputError, match="noise: the capture has other cameras or frames"):
        ground_truth(video, capture_of(video, 3))
    assert list(tmp_path.iterdir()) == []


def test_interrupted_films_leave_nothing(video: Video, tmp_path: Path) -> None:
    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_film(video, orbit_film(video, 3), tmp_path / "a.mp4", layers=("rgb", "acc"), progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_video_without_cameras_is_filmed_along_a_path_of_ones_own(baked: BakedVideo, tmp_path: Path) -> None:
    bare = Video(replace(baked, cameras=(), train_views=(), test_views=()))
    file = tmp_path / "path.json"
    write_cameras(file, [(baked.cameras[0], 1)])
    (step,) = path_film(bare, file)
    assert (step.camera.width, step.camera.height, step.frame) == (baked.cameras[0].width, baked.cameras[0].height, 1)
    with pytest.raises(InputError, match="no cameras of its own"):
        find_view(bare, 0)
