"""transforms.json: poses, lenses, times, cameras that stand still or move, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dymap.capture import decode, open_capture, read_source
from dymap.capture.calibrations import read_calibration
from dymap.capture.grouping import camera_names, frames_of, numbers_of_files
from dymap.capture.layouts import scores
from dymap.capture.source import Source
from dymap.capture.writers.transforms import write_transforms
from dymap.config import CaptureConfig
from dymap.errors import InputError
from tests.capture.layouts_alike import (
    assert_same_cameras,
    assert_same_pictures,
    entries,
    golden_cameras,
    to_opengl,
    white_mask,
    write_json,
    write_pictures,
)
from tests.captures import FRAMES, TINY, VIEWS
from tests.golden.sources import Arrays, Golden
from tests.train.runs import run, short

PICTURE = "images/{view:02d}/{frame:06d}.png"


@pytest.fixture(scope="module")
def dataset(trimmed: Golden) -> Arrays:
    return trimmed.arrays("dataset")


@pytest.fixture(scope="module")
def pictures(dataset: Arrays, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures and masks, to be copied."""
    root = tmp_path_factory.mktemp("pictures") / "capture"
    write_pictures(root, dataset, PICTURE, PICTURE.replace("images", "masks"))
    return root


@pytest.fixture
def root(pictures: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pictures, tmp_path / "capture")


def read(root: Path, frames: list[dict[str, Any]], top: dict[str, Any] | None = None, **options: Any) -> Source:
    write_json(root / "transforms.json", {**(top or {}), "frames": frames})
    return read_source(root, CaptureConfig(options=options))


def test_one_file_of_all_frames_is_the_same_capture(root: Path, dataset: Arrays) -> None:
    frames = [e | {"time": i // VIEWS / (FRAMES - 1)} for i, e in enumerate(entries(dataset))]
    source = read(root, frames)
    assert source.layout == "transforms"
    assert source.frames == (0, 1, 2, 3)
    assert [camera.name for camera in source.cameras] == ["00", "01", "02", "03", "04"]
    assert source.has_masks
    assert_same_cameras(source, golden_cameras(dataset))
    assert_same_pictures(source, dataset)


def test_without_time_the_names_of_files_say_when(root: Path, dataset: Arrays) -> None:
    source = read(root, entries(dataset)[::-1])
    assert source.frames == (0, 1, 2, 3)
    assert [camera.name for camera in source.cameras] == ["00", "01", "02", "03", "04"]
    assert_same_pictures(source, dataset)


def test_a_picture_that_is_not_listed_is_a_hole(root: Path, dataset: Arrays) -> None:
    source = read(root, [e for i, e in enumerate(entries(dataset)) if i not in (3, 7)])
    assert [(f, v) for f in range(4) for v in range(5) if not source.present(f, v)] == [(0, 3), (1, 2)]


def test_a_folder_a_frame_is_the_same_capture(dataset: Arrays, tmp_path: Path) -> None:
    write_pictures(tmp_path, dataset, "frame_{frame}0/images/cam{view}.png", "frame_{frame}0/masks/cam{view}.png")
    for frame in range(FRAMES):
        some = entries(dataset, "images/cam{view}.png")[:VIEWS]
        write_json(tmp_path / f"frame_{frame}0/transforms.json", {"frames": some})
    source = read_source(tmp_path, CaptureConfig())
    assert source.frames == (0, 10, 20, 30)
    assert [camera.name for camera in source.cameras] == ["cam0", "cam1", "cam2", "cam3", "cam4"]
    assert_same_cameras(source, golden_cameras(dataset))
    assert_same_pictures(source, dataset)


def test_intrinsics_at_the_top_hold_for_all_and_angles_are_focal_lengths(root: Path, dataset: Arrays) -> None:
    frames = [{k: e[k] for k in ("file_path", "transform_matrix")} for e in entries(dataset)]
    fov = 2 * np.arctan(64 / 100)
    for top in ({"fl_x": 100, "w": 128, "h": 96}, {"camera_angle_x": fov}, {"fl_x": 100}):
        for camera in read(root, frames, top).cameras:
            np.testing.assert_allclose(camera.K, [[100, 0, 63.5], [0, 100, 47.5], [0, 0, 1]])
    with pytest.warns(UserWarning, match="was calibrated at 256 x 192, its pictures are 128 x 96: K is scaled by 0.5"):
        K = read(root, frames, {"fl_x": 200, "w": 256, "h": 192}).cameras[0].K
    np.testing.assert_allclose(K, [[100, 0, 63.5], [0, 100, 47.5], [0, 0, 1]])
    frames[1]["fl_x"] = 50
    cameras = read(root, frames, {"fl_x": 100, "fl_y": 90, "w": 128, "h": 96}).cameras
    assert sorted(tuple(np.diag(camera.K)) for camera in cameras)[:2] == [(50, 90, 1), (100, 90, 1)]


@pytest.mark.parametrize("top", [{"camera_model": "OPENCV_FISHEYE"}, {"is_fisheye": True}])
def test_fisheye_lenses(root: Path, dataset: Arrays, top: dict[str, Any]) -> None:
    frames = [{k: v for k, v in e.items() if k not in ("k1", "k2", "p1", "p2")} for e in entries(dataset)]
    camera = read(root, frames, top | {"k1": 0.01, "k2": 0.02, "k3": 0.003, "k4": 0.0004}).cameras[0]
    assert camera.lens == "fisheye"
    np.testing.assert_allclose(camera.D, [0.01, 0.02, 0.003, 0.0004])


def test_lenses_of_eight_coefficients(root: Path, dataset: Arrays) -> None:
    more = {"camera_model": "FULL_OPENCV", "k3": 0.01, "k4": 0.02, "k5": 0.03, "k6": 0.04}
    first = entries(dataset)[0]
    D = read(root, [first | more]).cameras[0].D
    np.testing.assert_allclose(D, [first["k1"], first["k2"], first["p1"], first["p2"], 0.01, 0.02, 0.03, 0.04])


def test_units_are_scaled_to_metres_and_a_box_may_be_given(root: Path, dataset: Arrays) -> None:
    frames = entries(dataset)
    before = read(root, frames)
    for entry in frames:
        entry["transform_matrix"] = [[*row[:3], row[3] * 100] for row in entry["transform_matrix"]]
    after = read(root, frames, scale=0.01, box=[-100, -100, 0, 100, 100, 200])
    for a, b in zip(after.cameras, before.cameras, strict=True):
        np.testing.assert_allclose(a.position, b.position, atol=1e-6)
    assert before.boxes is None
    assert after.boxes is not None
    np.testing.assert_allclose(after.boxes, [[[-1, -1, 0], [1, 1, 2]]] * 4)


def test_masks_are_named_or_lie_in_a_folder_or_are_the_transparency(root: Path, dataset: Arrays) -> None:
    frames = entries(dataset)
    for entry in frames[: 2 * VIEWS]:
        entry["mask_path"] = entry["file_path"].replace("images", "silhouettes")
    shutil.move(root / "masks", root / "silhouettes")
    source = read(root, frames)
    assert source.masked(1, 4)
    assert not source.masked(2, 0)
    assert_same_pictures(source, dataset)
    shutil.rmtree(root / "silhouettes")
    for frame in range(FRAMES):
        for view in range(VIEWS):
            picture = dataset["cap_images"][frame, view][..., ::-1]
            alpha = white_mask(dataset, frame, view)[..., :1]
            cv2.imwrite(str(root / PICTURE.format(frame=frame, view=view)), np.concatenate([picture, alpha], 2))
    assert_same_pictures(read(root, entries(dataset)), dataset)
    for frame in range(FRAMES):
        cv2.imwrite(str(root / PICTURE.format(frame=frame, view=2)), dataset["cap_images"][frame, 2][..., ::-1])
    source = read(root, entries(dataset))
    assert [source.masked(0, view) for view in range(VIEWS)] == [view != 2 for view in range(VIEWS)]
    assert source.mask(0, 2) is None


def test_cameras_are_named_by_their_labels(root: Path, dataset: Arrays) -> None:
    frames = [e | {"camera_label": f"left {i % VIEWS}"} for i, e in enumerate(entries(dataset))]
    assert [camera.name for camera in read(root, frames).cameras] == [f"left {v}" for v in range(VIEWS)]


def write_dnerf(root: Path, dataset: Arrays) -> None:
    """A camera that moves: 12 trained pictures, one an instant, and 2 held out between them; endings left out."""
    for part, count in (("train", 12), ("val", 2), ("test", 2)):
        frames = []
        for k in range(count):
            camera = golden_cameras(dataset)[k % VIEWS].transformed(
                np.block([[cv2.Rodrigues(np.array([0, 0, 0.05 * k + 0.01]))[0], np.zeros((3, 1))], [0, 0, 0, 1]])
            )
            time = k / 11 if part == "train" else (k + 0.4) / 11
            frames.append({"file_path": f"./{part}/r_{k:03d}", "rotation": 0.1, "time": time})
            frames[-1]["transform_matrix"] = to_opengl(camera)
            alpha = white_mask(dataset, k % FRAMES, k % VIEWS)[..., :1]
            bgr = dataset["cap_images"][k % FRAMES, k % VIEWS][..., ::-1]
            (root / part).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / part / f"r_{k:03d}.png"), np.concatenate([bgr, alpha], axis=2))
        write_json(root / f"transforms_{part}.json", {"camera_angle_x": 0.95, "frames": frames})


def test_a_camera_that_moves_is_many_cameras_with_one_picture_each(dataset: Arrays, tmp_path: Path) -> None:
    write_dnerf(tmp_path, dataset)
    source = read_source(tmp_path, CaptureConfig())
    assert len(source.frames) == 12
    assert len(source.cameras) == 14, "val lists the pictures of test once more, at the same poses and times"
    assert source.test_views == (12, 13)
    assert source.cameras[0].name == "train/r_000"
    assert all(source.present(k, k) for k in range(12))
    assert sum(source.present(f, v) for f in range(12) for v in range(14)) == 14
    assert source.present(0, 12)
    assert source.present(1, 13)
    assert source.masked(5, 5)


def test_one_view_an_instant_is_trained_and_the_test_views_are_kept(dataset: Arrays, tmp_path: Path) -> None:
    write_dnerf(tmp_path, dataset)
    options = {"box": [-1.5, -1.5, -1.5, 1.5, 1.5, 1.5]}
    capture = open_capture(tmp_path, CaptureConfig(boxes="own", options=options))
    assert capture.test_views == (12, 13)
    assert capture.train_views == tuple(range(12))
    assert capture.train_views_of(3).tolist() == [3]
    assert capture.shot(3, 3).rgb.any()
    chosen = open_capture(tmp_path, CaptureConfig(boxes="own", options=options, test_views=(12,)))
    assert chosen.test_views == (12,)


@pytest.mark.parametrize("options", [{}, {"hull_samples": 16, "proposal_grid": 16, "hull_grid": 16}])
def test_one_view_an_instant_trains(dataset: Arrays, tmp_path: Path, options: dict[str, Any]) -> None:
    write_dnerf(tmp_path, dataset)
    box = {"box": [-1.5, -1.5, -1.5, 1.5, 1.5, 1.5]}
    capture = open_capture(tmp_path, CaptureConfig(boxes="own", options=box))
    _, reports = run(capture, short(steps=2, **options))
    assert all(np.isfinite(value) for report in reports for value in report.losses.values())


def test_splits_of_nerfstudio_keep_views_for_evaluation(root: Path, dataset: Arrays) -> None:
    frames = entries(dataset)
    held_out = [e["file_path"] for e in frames if "/03/" in e["file_path"]]
    source = read(root, frames, {"train_filenames": [], "val_filenames": held_out, "test_filenames": held_out})
    assert [source.cameras[view].name for view in source.test_views] == ["03"]


def test_a_thousand_cameras_are_listed_without_decoding_them(
    root: Path, dataset: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for a few, to see whether they are transparent and of 10 bits."""
    decoded: list[Path] = []
    original = decode._decode
    monkeypatch.setattr(decode, "_decode", lambda path, *rest: (decoded.append(path), original(path, *rest))[1])
    first = entries(dataset)[0]
    (root / "many").mkdir()
    data = (root / first["file_path"]).read_bytes()
    frames = []
    for k in range(1000):
        (root / f"many/{k}.png").write_bytes(data)
        matrix = np.array(first["transform_matrix"])
        matrix[0, 3] += k * 1e-3
        frames.append(first | {"file_path": f"many/{k}.png", "time": k, "transform_matrix": matrix.tolist()})
    source = read(root, frames)
    assert (len(source.cameras), len(source.frames)) == (1000, 1000)
    assert len(decoded) < 20
    assert source.present(7, 7)
    assert not source.present(7, 8)


@pytest.mark.parametrize("kind", ["plain", "fisheye", "mixed", "eight", "without masks"])
def test_what_the_writer_writes_is_the_same_capture(root: Path, dataset: Arrays, tmp_path: Path, kind: str) -> None:
    frames = [e | {"camera_label": f"cam {i % VIEWS}"} for i, e in enumerate(entries(dataset))]
    for i, entry in enumerate(frames):
        if kind == "fisheye" or (kind == "mixed" and i % VIEWS == 2):
            entry |= {"camera_model": "OPENCV_FISHEYE", "p1": 0, "p2": 0}
        if kind == "eight" and i % VIEWS == 2:
            entry |= {"camera_model": "FULL_OPENCV", "k4": 0.01}
    if kind == "without masks":
        shutil.rmtree(root / "masks")
    source = read(root, frames[: 2 * VIEWS])
    done: list[tuple[int, int]] = []
    write_transforms(source, tmp_path / "out", lambda *args: done.append(args))
    assert done[-1] == (10, 10)
    again = read_source(tmp_path / "out", CaptureConfig())
    assert again.frames == source.frames
    assert [camera.name for camera in again.cameras] == [f"cam {v}" for v in range(VIEWS)]
    assert again.has_masks == (kind != "without masks")
    changed = {2} if kind in ("mixed", "eight") else set()
    assert_same_cameras(again, [c.undistorted() if v in changed else c for v, c in enumerate(source.cameras)])
    for view in set(range(VIEWS)) - changed:
        np.testing.assert_array_equal(again.read(1, view)[0], source.read(1, view)[0])
        assert again.files(1, view)[0].read_bytes() == source.files(1, view)[0].read_bytes()
        if again.has_masks:
            np.testing.assert_array_equal(again.read(1, view)[1], source.read(1, view)[1])
    with pytest.raises(InputError, match="out: exists already, and nothing is overwritten; name a new folder"):
        write_transforms(source, tmp_path / "out")


def test_the_writer_keeps_views_for_evaluation(dataset: Arrays, tmp_path: Path) -> None:
    write_dnerf(tmp_path / "dnerf", dataset)
    source = read_source(tmp_path / "dnerf", CaptureConfig())
    write_transforms(source, tmp_path / "out")
    again = read_source(tmp_path / "out", CaptureConfig())
    assert again.test_views == source.test_views
    assert [camera.name for camera in again.cameras] == [camera.name for camera in source.cameras]


def test_it_is_sure_of_its_own_folders_only(root: Path, dataset: Arrays, tiny_root: Path, tmp_path: Path) -> None:
    assert scores(root)["transforms"] == 0
    read(root, entries(dataset))
    assert scores(root)["transforms"] == 0.85
    assert scores(tiny_root)["transforms"] == 0
    (root / "annots.npy").touch()
    assert max(scores(root), key=scores(root).__getitem__) == "zjumocap", "whose folder may hold a path of cameras"
    write_json(tmp_path / "frames/0001/transforms.json", {})
    assert scores(tmp_path)["transforms"] == 0.8


REFUSED = {
    "no list": ({"frames": {}}, "expected a mapping with a list of pictures under 'frames'"),
    "no entries": ({"frames": []}, "'frames' lists 0 pictures"),
    "no mapping": ({"frames": [3]}, r"frames\[0\] is a int, expected a mapping"),
    "other axes": ({"from_na": True, "frames": [{}]}, "'from_na' means other axes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_files_are_refused(root: Path, case: str) -> None:
    data, message = REFUSED[case]
    write_json(root / "transforms.json", data)
    with pytest.raises(InputError, match=message):
        read_source(root, CaptureConfig())


DEEP: Any = []
for _ in range(300):
    DEEP = [DEEP]
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "outside": (
        {"file_path": "../a.png"},
        r"transforms\.json: frames\[0\]: image path '\.\./a\.png' leaves the capture",
    ),
    "absolute": ({"file_path": "/etc/a.png"}, "leaves the capture's folder"),
    "drive": ({"file_path": "C:/a.png"}, "leaves the capture's folder"),
    "backslash": ({"file_path": "images\\a.png"}, "has backslashes"),
    "mask outside": ({"mask_path": "../m.png"}, "leaves the capture's folder"),
    "mask missing": ({"mask_path": "m.png"}, "m.png: mask is missing"),
    "no path": ({"file_path": None}, "expected the path of an image, found a NoneType"),
    "missing": ({"file_path": "images/none"}, "none: image is missing, under this name with any of the endings"),
    "gone": ({"file_path": "images/000000.png"}, "images/000000.png: image is missing"),
    "no pose": ({"transform_matrix": [[1, 2], [3, 4]]}, r"transform_matrix is not \[4, 4\] finite numbers"),
    "text": ({"transform_matrix": "one"}, r"transform_matrix is not \[4, 4\] finite numbers"),
    "scaled": ({"transform_matrix": (2 * np.eye(4)).tolist()}, "does the pose hold a scale"),
    "mirrored": ({"transform_matrix": np.diag([1, 1, -1, 1.0]).tolist()}, "holds a reflection"),
    "focal": ({"fl_x": -3}, "fl_x is -3, expected pixels, above 0"),
    "focal text": ({"fl_x": "12"}, "fl_x is '12', expected a finite number"),
    "focal deep": ({"fl_x": DEEP}, "fl_x is nan, expected a finite number"),
    "pose deep": ({"transform_matrix": DEEP}, r"transform_matrix is not \[4, 4\] finite numbers"),
    "time deep": ({"time": DEEP}, "time is a list, expected a finite number"),
    "time far": ({"time": 1e300}, "time is 1e\\+300, expected at most 1e\\+15"),
    "half a letter": ({"file_path": "images/\ud800.png"}, "holds half a letter"),
    "no lens": ({"fl_x": None, "fl_y": None}, "no lens; expected fl_x in pixels or camera_angle_x"),
    "angle": ({"camera_angle_x": 7}, "camera_angle_x is 7, expected radians between 0 and pi"),
    "model": ({"camera_model": "EQUIRECTANGULAR"}, "camera_model 'EQUIRECTANGULAR' is none of OPENCV, "),
    "k4": ({"k4": 0.1}, "k4 of camera_model OPENCV is 0.1: it is the fourth of nerfstudio's radial terms"),
    "fisheye": ({"camera_model": "OPENCV_FISHEYE", "p1": 0.1}, "a fisheye lens has k1, k2, k3 and k4"),
    "shape": ({"w": 100}, "camera .* was calibrated at 100 x 96, but its pictures are 128 x 96, of another shape"),
    "time": ({"time": 0.5}, "of the entries only some have a time"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_entry_is_named(root: Path, dataset: Arrays, case: str) -> None:
    change, message = WRONG[case]
    frames = entries(dataset)
    frames[0] |= change
    with pytest.raises(InputError, match=message):
        read(root, frames)


def test_two_pictures_at_one_pose_and_time_are_refused(root: Path, dataset: Arrays) -> None:
    with pytest.raises(InputError, match=r"has the pose, the lens and the time of .*; give each entry its 'time'"):
        read(root, [e | {"time": 0} for e in entries(dataset)])


@pytest.mark.parametrize("options", [{"scale": 0.0}, {"scale": -1.0}, {"box": [1, 2, 3]}, {"box": [0, 0, 0, 1, 1, -1]}])
def test_options_that_are_none_are_refused(root: Path, dataset: Arrays, options: dict[str, Any]) -> None:
    said = r"capture\.options\.(scale = .*expected a number above 0|box is .*expected x y z)"
    with pytest.raises(InputError, match=said):
        read(root, entries(dataset), **options)


@pytest.mark.parametrize("change", [{"w": 70000, "h": 70000}, {"w": 0.5, "h": 0.5}])
def test_what_no_camera_has_is_told_with_the_entry(root: Path, dataset: Arrays, change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"transforms\.json: frames\[0\]"):
        read(root, [e | change for e in entries(dataset)])


def test_bombs_of_json_are_refused(root: Path) -> None:
    for text in ("[" * 100_000, '{"frames": ' + "9" * 5000 + "}", "{", "\xff"):
        (root / "transforms.json").write_text(text, encoding="latin-1")
        with pytest.raises(InputError, match=r"transforms\.json"):
            read_source(root, CaptureConfig())


def test_it_is_a_calibration_too(root: Path, dataset: Arrays) -> None:
    frames = entries(dataset)
    source = read(root, frames)
    for place in (root, root / "transforms.json"):
        found = read_calibration(place)
        assert [camera.name for camera in found] == [camera.name for camera in source.cameras]
        assert_same_cameras(replace(source, cameras=found), golden_cameras(dataset))
    for entry in frames:
        del entry["w"], entry["h"]
    read(root, frames)
    assert_same_cameras(replace(source, cameras=read_calibration(root, lambda _: (128, 96))), golden_cameras(dataset))
    with pytest.raises(InputError, match=r"frames\[0\]: w and h are missing"):
        read_calibration(root)


def test_numbers_are_the_digits_that_advance() -> None:
    paths = ["frames/0012/cam1.png", "frames/0013/cam1.png", "frames/0013/cam2.png"]
    assert numbers_of_files(paths, [0, 0, 1]) == [12, 13, 13]
    assert numbers_of_files(["a1.png", "b7.png"], [0, 1]) == [0, 0]


def test_times_that_are_held_out_go_to_the_nearest_frame() -> None:
    frames, moments = frames_of([0.0, 0.5, 1.0, 0.2, 0.3, 9.0], [False] * 3 + [True] * 3, [0, 0, 0, 1, 2, 3])
    assert frames == [0, 1, 2, 0, 1, -1]
    assert moments.tolist() == [0, 0.5, 1]
    frames, _ = frames_of([0.0, 0.5, 0.1, 0.05], [False, False, True, True], [0, 0, 1, 1])
    assert frames == [0, 1, -1, 0], "two of one camera cannot share a frame"


def test_names_tell_cameras_apart() -> None:
    assert camera_names([["a/1.png", "a/2.png"], ["b/1.png"]], ["", ""]) == ["a", "b"]
    assert camera_names([["1/a.png", "2/a.png"], ["1/b.png"]], ["", ""]) == ["a", "b"]
    assert camera_names([["x/0.png"], ["y/0.png"]], ["left", "right"]) == ["left", "right"]
    assert camera_names([["i/0.png", "i/2.png"], ["i/1.png", "i/3.png"]], ["", ""]) == ["i/0", "i/1"]


def test_a_tiny_capture_is_prepared_alike(root: Path, dataset: Arrays, tiny_root: Path) -> None:
    """The same pixels, masks and cameras as from the layout that the capture was first written in."""
    write_json(root / "transforms.json", {"frames": entries(dataset)})
    before = open_capture(tiny_root, TINY)
    box = [*before.boxes[:, 0].min(axis=0).tolist(), *before.boxes[:, 1].max(axis=0).tolist()]
    capture = open_capture(root, replace(TINY, boxes="own", options={"box": box}))
    for a, b in zip(capture.cameras, before.cameras, strict=True):
        np.testing.assert_allclose(a.K, b.K, atol=1e-9)
    rgb, mask = before.image(1, 2)
    mine, mask_too = capture.image(1, 2)
    np.testing.assert_array_equal(mine[mask != 0], rgb[mask != 0])
    np.testing.assert_array_equal(mask_too[mask != 0], 1)
