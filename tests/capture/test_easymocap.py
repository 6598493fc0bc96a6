"""The layout of EasyMocap: what is written is read as the same capture; images and videos; colours; sizes; faults."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dymap.capture import open_capture, read_source
from dymap.capture.calibrations.opencv_yaml import EXTRINSICS, INTRINSICS
from dymap.capture.images import FACE
from dymap.capture.labels import label_colours
from dymap.capture.layouts import layout_of
from dymap.capture.readers.easymocap import Options, read, score
from dymap.capture.source import Source
from dymap.capture.writers.easymocap import write_calibration, write_easymocap
from dymap.config import CaptureConfig
from dymap.errors import InputError
from tests.capture.calibrations.cameras import assert_same, rig
from tests.capture.clips import number_of, numbered, numbered_clip
from tests.captures import TINY, write_capture, write_rgb
from tests.golden.sources import Golden


def silent(done: int, total: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module")
def written(tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny capture in this layout."""
    root = tmp_path_factory.mktemp("easymocap") / "tiny"
    write_easymocap(read_source(tiny_root, CaptureConfig()), root, silent)
    return root


def small(root: Path, views: int = 3, frames: int = 4, masks: bool = True) -> Path:
    """Numbered pictures of three cameras."""
    root.mkdir()
    write_calibration(root, rig(views))
    for view in range(views):
        for frame in range(frames):
            write_rgb(root / f"images/{view + 1:02d}/{frame:06d}.png", numbered(frame))
            if masks:
                write_rgb(
                    root / f"masks/{view + 1:02d}/{frame:06d}.png", np.full((48, 64, 3), 255 * (frame % 2), np.uint8)
                )
    return root


def numbers(source: Source, frame: int) -> list[int | None]:
    """What the pictures of a frame say they are."""
    return [
        number_of(source.read(frame, view)[0]) if source.present(frame, view) else None
        for view in range(len(source.cameras))
    ]


def test_what_is_written_is_the_same_capture(tiny_root: Path, written: Path) -> None:
    """Cameras, rays, prepared images, masks, boxes."""
    assert layout_of(written, CaptureConfig()) == "easymocap"
    before, after = read_source(tiny_root, CaptureConfig()), read_source(written, CaptureConfig())
    assert_same(after.cameras, before.cameras)
    assert after.frames == before.frames
    for frame in range(4):
        np.testing.assert_array_equal(after.points(frame), before.points(frame))
        for view in range(5):
            (one, mask), (other, expected) = after.read(frame, view), before.read(frame, view)
            np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(mask, expected != 0)
    old, new = open_capture(tiny_root, TINY), open_capture(written, TINY)
    np.testing.assert_array_equal(old.boxes, new.boxes)
    for frame, view in ((0, 0), (3, 4)):
        one, other = new.shot(frame, view), old.shot(frame, view)
        np.testing.assert_array_equal(one.rgb, other.rgb)
        np.testing.assert_array_equal(one.mask, np.where(other.mask == FACE, 1, other.mask))


def test_pictures_that_are_missing_stay_missing(tmp_path: Path) -> None:
    root = small(tmp_path / "a")
    (root / "images/02/000001.png").unlink()
    (root / "masks/03/000002.png").unlink()
    write_easymocap(read_source(root, CaptureConfig()), tmp_path / "b", silent)
    source = read_source(tmp_path / "b", CaptureConfig())
    assert numbers(source, 1) == [1, None, 1]
    assert not source.masked(2, 2)
    assert source.masked(2, 1)
    assert source.read(2, 2)[1] is None


def test_pictures_that_are_files_already_are_copied(tmp_path: Path) -> None:
    root = small(tmp_path / "a", masks=False)
    for path in (root / "images").rglob("*.png"):
        picture = cv2.imread(str(path))
        assert picture is not None
        cv2.imwrite(str(path.with_suffix(".jpg")), picture)
        path.unlink()
    write_easymocap(read_source(root, CaptureConfig()), tmp_path / "b", silent)
    name = "images/02/000003.jpg"
    assert (tmp_path / "b" / name).read_bytes() == (root / name).read_bytes()
    assert not (tmp_path / "b/masks").exists()


def test_a_folder_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    root = small(tmp_path / "a")
    with pytest.raises(InputError, match="cannot be written"):
        write_easymocap(read_source(root, CaptureConfig()), root, silent)
    assert (root / "images/01/000000.png").is_file()


def test_videos(tmp_path: Path) -> None:
    write_calibration(tmp_path, rig())
    (tmp_path / "videos").mkdir()
    for view in range(3):
        numbered_clip(tmp_path / f"videos/{view + 1:02d}.mp4", 6)
    write_rgb(tmp_path / "mask/02/000003.png", np.full((48, 64, 3), 255, np.uint8))
    source = read_source(tmp_path, CaptureConfig())
    assert source.layout == "easymocap"
    assert source.frames == tuple(range(6))
    assert numbers(source, 4) == [4, 4, 4]
    assert [source.masked(3, view) for view in range(3)] == [False, True, False]
    write_easymocap(source.select((0, 2, 1)), tmp_path / "out", silent)
    again = read_source(tmp_path / "out", CaptureConfig())
    np.testing.assert_array_equal(again.read(1, 2)[0], source.read(1, 2)[0])
    (tmp_path / "videos/02.mp4").unlink()
    with pytest.raises(InputError, match=r"videos/02\.mp4: no such video; every camera"):
        read_source(tmp_path, CaptureConfig())


def test_a_video_in_a_folder_of_the_camera(tmp_path: Path) -> None:
    write_calibration(tmp_path, rig(2))
    for view in range(2):
        (tmp_path / f"videos/{view + 1:02d}").mkdir(parents=True)
        numbered_clip(tmp_path / f"videos/{view + 1:02d}/GX01.MP4", 3)
    assert numbers(read_source(tmp_path, CaptureConfig()), 2) == [2, 2]


def test_sizes_of_pictures_where_the_calibration_has_none(tmp_path: Path) -> None:
    root = small(tmp_path / "a")
    text = (root / INTRINSICS).read_text().split("\n")
    (root / INTRINSICS).write_text("\n".join(line for line in text if line[:2] not in ("H_", "W_")))
    assert_same(read_source(root, CaptureConfig()).cameras, rig())


def test_a_calibration_at_another_size_is_scaled_and_says_so(tmp_path: Path) -> None:
    root = small(tmp_path / "a")
    large = []
    for camera in rig():
        K = camera.K.copy()
        K[:2, 2] += 0.5
        K[:2] *= 3
        K[:2, 2] -= 0.5
        large.append(replace(camera, K=K, width=192, height=144))
    write_calibration(root, large)
    with pytest.warns(
        UserWarning,
        match=r"'01' was calibrated at 192 x 144, .* 64 x 48: K is scaled by 0.3333 \(and 2 more",
    ):
        source = read_source(root, CaptureConfig())
    assert_same(source.cameras, rig())


@pytest.mark.parametrize(
    ("width", "height", "why"),
    [
        (48, 64, "turned: calibrate with pictures as"),
        (64, 64, r"another shape.*; say how they were made"),
    ],
)
def test_a_calibration_of_another_shape_is_refused(tmp_path: Path, width: int, height: int, why: str) -> None:
    root = small(tmp_path / "a")
    write_calibration(root, [replace(camera, width=width, height=height) for camera in rig()])
    with pytest.raises(InputError, match=f"camera '01' was calibrated at {width} x {height}, but its .*{why}"):
        read_source(root, CaptureConfig())


def test_bars_are_seen_or_told(tmp_path: Path) -> None:
    """Pictures of 64 x 40 in 64 x 48: four black rows above and below."""
    root = small(tmp_path / "a")
    write_calibration(root, [replace(camera, height=40) for camera in rig()])
    with pytest.raises(InputError, match=r"another shape.*; say how"):
        read_source(root, CaptureConfig())
    with pytest.warns(UserWarning, match="scaled by 1"):
        told = read_source(root, CaptureConfig(options={"fit": "bars"}))
    for path in (root / "images").rglob("*.png"):
        picture = np.full((48, 64, 3), 120, np.uint8)
        picture[:4] = picture[-4:] = 3
        write_rgb(path, picture)
    with pytest.warns(UserWarning, match="scaled by 1"):
        seen = read_source(root, CaptureConfig())
    assert_same(seen.cameras, told.cameras)
    np.testing.assert_allclose(seen.cameras[0].K[:2, 2], rig()[0].K[:2, 2] + (0, 4))


def test_colour_matrices_multiply_columns_from_the_left(tmp_path: Path) -> None:
    root = small(tmp_path / "a")
    plain = read_source(root, CaptureConfig()).read(2, 1)[0].astype(np.float64)
    with (root / INTRINSICS).open("a") as file:
        file.write(
            "ccm_02: !!opencv-matrix\n  rows: 3\n  cols: 3\n  dt: d\n  data: [1.2, 0, 0, 0, 0.5, 0.25, 0, 0, 1]\n"
        )
    source = read_source(root, CaptureConfig())
    red, green, blue = np.moveaxis(plain, -1, 0)
    expected = np.stack([1.2 * red, 0.5 * green + 0.25 * blue, blue], axis=-1).clip(0, 255)
    picture, mask = source.read(2, 1)
    assert np.abs(picture - expected).max() <= 0.51
    assert mask is not None
    assert (root / INTRINSICS) in source.files(2, 1)
    np.testing.assert_array_equal(source.read(2, 0)[0], plain)
    left = read_source(root, CaptureConfig(options={"colours": False}))
    np.testing.assert_array_equal(left.read(2, 1)[0], plain)


def test_masks_of_every_kind(tmp_path: Path) -> None:
    """By the picture's name or its number, in palette colours, in a folder of another name."""
    root = small(tmp_path / "a", masks=False)
    labels = np.zeros((48, 64), int)
    labels[10:20, 10:30] = 4
    labels[20:30, 10:30] = 13
    write_rgb(root / "masks/01/000001.png", label_colours()[labels])
    write_rgb(
        root / "masks/02/mask_0001_final.png", np.where(labels[..., None] > 0, 255, 0).repeat(3, 2).astype(np.uint8)
    )
    source = read_source(root, CaptureConfig())
    for view in range(2):
        mask = source.read(1, view)[1]
        assert mask is not None
        np.testing.assert_array_equal(mask != 0, labels != 0)
    assert source.read(1, 2)[1] is None
    shutil.move(root / "masks", root / "matte")
    assert not read_source(root, CaptureConfig()).has_masks
    assert read_source(root, CaptureConfig(options={"masks": "matte"})).has_masks


def test_cut_outs_without_a_mask_folder(tmp_path: Path) -> None:
    root = small(tmp_path / "a", masks=False)
    rgba = np.full((48, 64, 4), 255, np.uint8)
    rgba[:20, :, 3] = 0
    for path in (root / "images").rglob("*.png"):
        cv2.imwrite(str(path), rgba)
    mask = read_source(root, CaptureConfig()).read(0, 0)[1]
    assert mask is not None
    assert mask.sum() == 28 * 64


@pytest.mark.parametrize("name", ["../other", "/etc", "a\\b"])
def test_folders_stay_inside(tmp_path: Path, name: str) -> None:
    root = small(tmp_path / "a")
    for options in (Options(images=name), Options(masks=name)):
        with pytest.raises(InputError, match="leaves the capture's folder"):
            read(root, options)


def test_scores(tmp_path: Path, tiny_root: Path, written: Path, trimmed: Golden) -> None:
    assert score(tiny_root) == 0.0
    assert score(written) == 0.9
    assert score(tmp_path / "nowhere") == 0.0
    (tmp_path / INTRINSICS).write_text("")
    assert score(tmp_path) == 0.2
    both = write_capture(tmp_path / "both", trimmed.arrays("dataset"), frames=1)
    for name in (INTRINSICS, EXTRINSICS):
        shutil.copy(written / name, both)
    assert layout_of(both, CaptureConfig()) == "zjumocap"


def test_faults_are_named(tmp_path: Path) -> None:
    root = small(tmp_path / "a")
    shutil.rmtree(root / "images/02")
    with pytest.raises(InputError, match=r"images/02: no such folder of pictures; every camera of the calibration"):
        read_source(root, CaptureConfig())
    (root / "images/02").mkdir()
    with pytest.raises(InputError, match=r"images/02: holds no pictures"):
        read_source(root, CaptureConfig())
    for frame in range(4):
        write_rgb(root / f"images/02/{frame + 10:06d}.png", numbered(frame))
    with pytest.raises(InputError, match=r"images/02: its frames, 10 to 13, are no other camera's \('01' has 0 to 3\)"):
        read_source(root, CaptureConfig())
    shutil.rmtree(root / "images")
    with pytest.raises(InputError, match="holds no pictures; expected images/CAMERA/"):
        read_source(root, CaptureConfig(layout="easymocap"))


def test_the_unit_of_the_cameras(tmp_path: Path) -> None:
    root = small(tmp_path / "a")
    write_calibration(root, [replace(camera, T=camera.T * 1000) for camera in rig()])
    assert_same(read_source(root, CaptureConfig(options={"unit": "mm"})).cameras, rig())
