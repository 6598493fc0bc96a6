"""dymap render: kinds of films, layers, camera files, transparency; what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dymap.play.layers import seen_depth
from dymap.play.video import load
from tests.cli.conftest import Run
from tests.play.test_sound import write_wav


def images(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def picture(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None, path
    return image


@pytest.fixture
def run(baked: Path, tmp_path: Path) -> Path:
    """A copy of the baked run, for files beside the model."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("config.json", "video.dymap"):
        shutil.copy(baked / name, copy / name)
    return copy


def test_three_films_beside_the_model(dymap: Run, run: Path) -> None:
    small = ("--size", 8, 8, "--fps", 2)
    assert "orbit.mp4: 4 images" in dymap("render", run, *small, "--views", 4).out
    assert "fixed_time_0002.mp4: 100 images" in dymap("render", run, *small, "--fixed-time", 2).out
    assert "fixed_view_orbit.mp4: 9 images" in dymap("render", run, *small, "--fixed-view", "orbit").out
    counts = {"orbit": 4, "fixed_time_0002": 100, "fixed_view_orbit": 9}
    assert {name: images(run / f"{name}.mp4") for name in counts} == counts


def test_films_of_different_things_have_different_names(dymap: Run, run: Path, tmp_path: Path) -> None:
    shown = ("--size", 8, 8, "--views", 1)
    for name in ("a", "b"):
        dymap("render", run, *shown, "--save-cameras", tmp_path / f"{name}.json")
    (run / "orbit.mp4").unlink()
    kinds = [
        (), ("--published-path",), ("--fixed-time", 0), ("--fixed-time", 2), ("--fixed-view", 1), ("--fixed-view", 3),
        ("--fixed-view", "orbit"), ("--published-path", "--fixed-view", "orbit"),
        ("--published-path", "--fixed-time", 2),
    ]  # fmt: skip
    films = [(*shown, *kind) for kind in kinds]
    films += [("--cameras", tmp_path / f"{name}.json", *more) for name in "ab" for more in ((), ("--fixed-time", 1))]
    for film in films:
        said = dymap("render", run, *film)
        assert said.code == 0, said
        assert "replaced" not in said.out, film
    assert len(list(run.glob("*.mp4"))) == len(films)
    assert {"fixed_time_0002.mp4", "fixed_view_03.mp4", "cameras_a.mp4"} <= {path.name for path in run.glob("*.mp4")}


def test_a_film_has_the_sound_of_the_clip(dymap: Run, run: Path, tmp_path: Path) -> None:
    """Three frames at two a second."""
    sound = write_wav(tmp_path / "audio.wav", np.zeros(24000, np.int16), 16000)
    film = ("render", run, "--size", 8, 8, "--views", 6, "--audio", sound)
    assert dymap(*film, "--fps", 2).code == 0
    with av.open(str(run / "orbit.mp4")) as container:
        assert len(container.streams.audio) == 1
        assert container.duration / av.time_base == pytest.approx(3.0, abs=0.1)
    dymap(*film).failed_with("audio.wav: lasts 1.50 seconds", "--fps 2")
    assert {path.name for path in run.iterdir()} == {"config.json", "video.dymap", "orbit.mp4"}


def test_sound_is_refused_unless_a_film_shows_the_clip_as_it_was(dymap: Run, run: Path, tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "audio.wav", np.zeros(24000, np.int16), 16000)
    film = ("render", run, "--size", 8, 8, "--fps", 2)
    assert dymap(*film, "--views", 3, "--fixed-time", 1, "--save-cameras", tmp_path / "still.json").code == 0
    standing = "--audio is for films in which the clip runs from its first frame, but image"
    films = [("--views", 3, "--fixed-time", 1), ("--views", 3, "--fixed-time", 0),
             ("--cameras", tmp_path / "still.json")]  # fmt: skip
    for shown in films:
        dymap(*film, *shown, "--audio", sound).failed_with(standing)
    pictures = [("--views", 1, "--out", tmp_path / "a.png"), ("--fixed-view", 1, "--fixed-time", 0),
                ("--views", 3, "--background", "transparent", "--png", tmp_path / "png")]  # fmt: skip
    for shown in pictures:
        dymap(*film, *shown, "--audio", sound).failed_with("--audio is for films: name one with --out")
    assert not (tmp_path / "a.png").exists()
    assert not (tmp_path / "png").exists()


def test_it_is_said_what_a_film_replaces(dymap: Run, run: Path, tmp_path: Path) -> None:
    film = ("--fixed-view", 1, "--views", 1, "--layers", "rgb", "acc", "--png", tmp_path / "png",
            "--save-cameras", tmp_path / "path.json")  # fmt: skip
    assert "replaced" not in dymap("render", run, *film).out
    said = dymap("render", run, *film).out.split("replaced what was there before: ")[1]
    for name in ("fixed_view_01.mp4", "fixed_view_01_acc.mp4", "png", "path.json"):
        assert name in said
    said = dymap("render", run, "--fixed-view", "01", "--views", 1)
    assert "replaced what was there before: " in said.out, "the same view by its name"


def test_views_have_names_and_indices(dymap: Run, run: Path, tmp_path: Path) -> None:
    for view in ("4", "04"):
        said = dymap("render", run, "--fixed-view", view, "--views", 2, "--png", tmp_path / view)
        assert said.code == 0, said
    for name in ("000000.png", "000001.png"):
        np.testing.assert_array_equal(picture(tmp_path / "4" / name), picture(tmp_path / "04" / name))
    dymap("render", run, "--fixed-view", "6").failed_with("view '6' does not exist", "indices 0 to 5", "names 00, 01")


def test_layers_have_their_own_films(dymap: Run, run: Path, tmp_path: Path) -> None:
    said = dymap(
        "render", run, "--fixed-view", 1, "--views", 2, "--layers", "rgb", "depth", "acc", "diff", "--png", tmp_path
    )
    assert said.code == 0, said
    for name in ("fixed_view_01", "fixed_view_01_depth", "fixed_view_01_acc", "fixed_view_01_diff"):
        assert images(run / f"{name}.mp4") == 2
        assert f"{name}.mp4" in said.out
    for layer in ("", "depth", "acc", "diff"):
        assert picture(tmp_path / layer / "000001.png").shape == (48, 48, 3)
    assert picture(tmp_path / "diff" / "000000.png").any(), "after four steps nothing is right"


def test_saved_path_and_its_film(dymap: Run, run: Path, tmp_path: Path) -> None:
    path = tmp_path / "path.json"
    options = ("--fixed-time", 1, "--views", 3, "--size", 20, 16)
    said = dymap("render", run, *options, "--save-cameras", path, "--png", tmp_path / "a")
    assert said.code == 0, said
    assert str(path) in said.out
    assert len(json.loads(path.read_text())["cameras"]) == 3
    said = dymap("render", run, "--cameras", path, "--png", tmp_path / "b")
    assert "cameras_path.mp4" in said.out
    assert "3 images" in said.out
    for k in range(3):
        np.testing.assert_array_equal(
            picture(tmp_path / "a" / f"{k:06d}.png"), picture(tmp_path / "b" / f"{k:06d}.png")
        )


def test_transforms_file(dymap: Run, run: Path, tmp_path: Path) -> None:
    path = tmp_path / "transforms.json"
    pose = np.eye(4)
    pose[2, 3] = 3
    frames = [{"transform_matrix": pose.tolist(), "time": time} for time in (0, 0.5, 1)]
    path.write_text(json.dumps({"camera_angle_x": 0.6, "k1": 0.1, "frames": frames}))
    said = dymap("render", run, "--cameras", path, "--size", 16, 12, "--out", tmp_path / "a.webm")
    assert said.code == 0, said
    assert said.err.count("lens distortion is ignored") == 1
    assert images(tmp_path / "a.webm") == 3
    assert dymap("render", run, "--cameras", path, "--size", 16, 12, "--fixed-time", 0).code == 0
    path.write_text(json.dumps({"camera_angle_x": 0.6, "frames": [{}]}))
    dymap("render", run, "--cameras", path).failed_with("transforms.json: frames[0]: transform_matrix is missing")


@pytest.mark.parametrize("suffix", ["mov", "webm"])
def test_transparent_film(dymap: Run, run: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"a.{suffix}"
    said = dymap("render", run, "--views", 2, "--background", "transparent", "--out", out)
    assert said.code == 0, said
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.pix_fmt.startswith("yuva") or stream.metadata["alpha_mode"] == "1"


def test_transparent_pictures_need_no_film(dymap: Run, run: Path, tmp_path: Path) -> None:
    said = dymap("render", run, "--views", 2, "--background", "transparent", "--png", tmp_path / "png")
    assert said.code == 0, said
    assert picture(tmp_path / "png" / "000001.png").shape == (48, 48, 4)
    assert not list(run.glob("*.mp4"))


def test_what_is_refused(dymap: Run, run: Path, tmp_path: Path) -> None:
    path = tmp_path / "path.json"
    path.write_text("{}")
    for options, parts in (
        (("--fixed-time", 0, "--fixed-view", 0, "--views", 2), ("that is one picture",)),
        (("--fixed-time", 99, "--fixed-view", 0), ("frame 99 is outside the clip",)),
        (("--views", 2, "--out", "a.png"), ("a.png: one picture, but the film has 2",)),
        (("--fixed-time", 3), ("frame 3 is outside the clip", "0 to 2")),
        (("--fixed-time", -1), ("frame -1 is outside the clip",)),
        (("--fixed-view", "nobody"), ("view 'nobody' does not exist",)),
        (("--cameras", path, "--fixed-view", 0), ("--cameras says where the camera goes",)),
        (("--cameras", path, "--views", 3), ("--cameras says where the camera goes",)),
        (("--cameras", path), ("path.json: neither a path that dymap saved",)),
        (("--cameras", tmp_path / "none"), ("none: no such file",)),
        (("--background", "transparent"), ("orbit.mp4: an MP4 film cannot be transparent", ".mov", ".webm", "PNG")),
        (("--out", tmp_path / "a.gif"), ("a.gif: films end in .mp4, .mov, .webm",)),
        (("--layers", "diff"), ("the layer diff compares with what was filmed", "--fixed-view")),
        (("--layers", "diff", "--fixed-view", "orbit"), ("the layer diff compares with what was filmed",)),
        (("--layers", "diff", "--fixed-view", 0, "--size", 9, 9), ("the layer diff compares", "its own size")),
    ):
        dymap("render", run, *options).failed_with(*parts)
    assert sorted(p.name for p in run.iterdir()) == ["config.json", "video.dymap"]


def test_errors_need_the_run_and_its_capture(dymap: Run, run: Path, tmp_path: Path) -> None:
    options = ("--layers", "diff", "--fixed-view", 0, "--views", 2)
    assert dymap("render", run / "video.dymap", *options).code == 0, "the file lies in its run"
    (tmp_path / "alone").mkdir()
    shutil.copy(run / "video.dymap", tmp_path / "alone")
    dymap("render", tmp_path / "alone" / "video.dymap", *options).failed_with("only a run's folder knows")
    record = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(record | {"data": None}))
    dymap("render", run, *options).failed_with("imported without its capture")
    (run / "config.json").write_text(json.dumps(record | {"data": str(tmp_path / "gone")}))
    dymap("render", run, *options).failed_with("gone: no such folder")


def test_orbits_of_ones_own(dymap: Run, run: Path) -> None:
    small = ("--size", 8, 8, "--views", 2)
    said = dymap("render", run, *small, "--zoom", 1.5, "--height", 0.2, "--turns", -2, "--start", 30)
    assert said.code == 0, said
    for option, words in (
        (("--zoom", 0), ("--zoom 0",)), (("--turns", 0), ("turns other than 0",)),
        (("--height", "nan"), ("--height nan",)),
        (("--zoom", 2, "--fixed-view", 1), ("of the orbit",)), (("--zoom", 2, "--published-path"), ("keeps its lens",)),
    ):  # fmt: skip
        dymap("render", run, *small, *option).failed_with(*words)


def test_one_picture_of_one_moment(dymap: Run, run: Path, tmp_path: Path) -> None:
    moment = ("--fixed-view", 3, "--fixed-time", 2)
    said = dymap("render", run, *moment, "--out", tmp_path / "a.png", "--layers", "rgb", "depth", "diff")
    assert said.code == 0, said
    assert "a.png, " in said.out
    assert "one image" in said.out
    assert sorted(path.name for path in tmp_path.glob("a*")) == ["a.png", "a_depth.npy", "a_depth.png", "a_diff.png"]
    video = load(run)
    image = video.render(video.cameras[3], 2)
    np.testing.assert_array_equal(picture(tmp_path / "a.png")[..., ::-1], image.numpy())
    depth = np.load(tmp_path / "a_depth.npy")
    assert (depth.dtype, depth.shape) == (np.float32, (48, 48))
    np.testing.assert_array_equal(depth, seen_depth(image).numpy())
    assert "fixed_view_03_0002.png" in dymap("render", run, *moment).out, "by default named after what it shows"
    assert dymap("render", run, *moment, "--background", "transparent", "--out", tmp_path / "b.png").code == 0
    assert picture(tmp_path / "b.png").shape == (48, 48, 4)
    assert dymap("render", run, "--views", 1, "--size", 9, 7, "--out", tmp_path / "c.png").code == 0
    assert picture(tmp_path / "c.png").shape == (7, 9, 3), "odd sizes are no matter in pictures"


def test_numbered_depth_has_numbers_beside_it(dymap: Run, run: Path, tmp_path: Path) -> None:
    assert dymap("render", run, "--views", 2, "--layers", "depth", "--png", tmp_path).code == 0
    names = sorted(path.name for path in (tmp_path / "depth").iterdir())
    assert names == ["000000.npy", "000000.png", "000001.npy", "000001.png"]
    assert np.load(tmp_path / "depth" / "000001.npy").shape == (48, 48)


def test_odd_sizes_are_said(dymap: Run, run: Path, tmp_path: Path) -> None:
    odd = ("--views", 2, "--size", 31, 21)
    assert "of 31 x 21 pixels it shows 30 x 20" in dymap("render", run, *odd).out
    for out in (tmp_path / "a.mov", tmp_path / "a.webm"):
        assert "it shows" not in dymap("render", run, *odd, "--out", out).out
        with av.open(str(out)) as container:
            assert (container.streams.video[0].width, container.streams.video[0].height) == (31, 21)
    assert "it shows" not in dymap("render", run, "--views", 2, "--size", 30, 20).out
