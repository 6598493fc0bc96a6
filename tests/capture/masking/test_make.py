"""Masks of whole captures: where they are put, what is refused, what an interrupted command leaves, and training."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dymap.capture import read_source
from dymap.capture.boxes import hull_boxes
from dymap.capture.decode import read_image
from dymap.capture.images import FACE
from dymap.capture.masking import make
from dymap.capture.source import Source
from dymap.cli import main
from dymap.cli.capture.masks import masks
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.pictures import write_png
from dymap.presets import PRESETS
from dymap.runs import make_masks, train
from dymap.runs.configuration import configure
from dymap.sample import sample_cameras, write_sample
from dymap.sample.render import encode
from dymap.sample.studio import backdrop
from tests.capture.clips import write_clip
from tests.capture.masking.networks import RED, network
from tests.capture.masking.test_methods import walking
from tests.capture.test_neural3d import cameras, poses
from tests.cli.conftest import SETTINGS

SIZE, VIEWS, FRAMES = 64, 5, 3


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample's `capture`, whose masks are `true`, and the `plates` of its studio."""
    root = tmp_path_factory.mktemp("filmed")
    write_sample(root / "capture", frames=FRAMES, views=VIEWS, size=SIZE)
    (root / "capture/schp").rename(root / "true")
    for camera in sample_cameras(VIEWS, SIZE):
        write_png(root / f"plates/{camera.name}.png", encode(backdrop(camera).colour))
    return root


@pytest.fixture
def capture(filmed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filmed / "capture", tmp_path / "capture"))


def source(folder: Path) -> Source:
    return read_source(folder, CaptureConfig())


def test_masks_are_where_the_reader_finds_them_with_a_sheet_and_numbers(filmed: Path, capture: Path) -> None:
    made = make_masks(capture, "clean-plate", plates=filmed / "plates")
    assert (made.folder, made.made, made.kept) == (capture / "schp", FRAMES * VIEWS, 0)
    found = source(capture)
    assert found.layout == "zjumocap"
    for frame in range(FRAMES):
        for view in range(VIEWS):
            truth = cv2.imread(str(filmed / f"true/{view:02d}/{frame:06d}.png"))
            mask = found.mask(frame, view)
            assert truth is not None
            assert mask is not None
            assert ((mask > 0) != truth.any(axis=-1)).mean() < 0.06
    assert read_image(made.sheet).shape[0] > 100 * VIEWS
    assert [one.camera for one in made.cameras] == [f"{view:02d}" for view in range(VIEWS)]
    assert all(0.05 < one.area < 0.2 and not one.empty and not one.touching for one in made.cameras)
    assert not list(capture.glob(".masks*"))


def test_masks_that_there_are_are_kept_unless_asked(filmed: Path, capture: Path) -> None:
    make_masks(capture, "clean-plate", plates=filmed / "plates")
    with pytest.raises(InputError, match="--overwrite"):
        make_masks(capture, "clean-plate", plates=filmed / "plates")
    with pytest.raises(InputError, match="every picture has a mask"):
        make_masks(capture, "clean-plate", plates=filmed / "plates", existing="keep")
    first, other = capture / "schp/00/000000.png", capture / "schp/01/000002.png"
    other.unlink()
    before = first.read_bytes(), first.stat().st_mtime_ns
    assert make_masks(capture, "clean-plate", plates=filmed / "plates", existing="keep").made == 1
    assert other.exists()
    assert (first.read_bytes(), first.stat().st_mtime_ns) == before
    assert make_masks(capture, "hull", existing="overwrite").made == FRAMES * VIEWS


def test_an_interrupted_command_goes_on(filmed: Path, capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = make._write_mask

    def fail_later(path: Path, mask: np.ndarray) -> None:
        if len(list(capture.rglob(".masks-unfinished/*/*/*.png"))) == 7:
            raise KeyboardInterrupt
        written(path, mask)

    monkeypatch.setattr(make, "_write_mask", fail_later)
    with pytest.raises(KeyboardInterrupt):
        make_masks(capture, "clean-plate", plates=filmed / "plates")
    assert not (capture / "schp").exists()
    monkeypatch.setattr(make, "_write_mask", written)
    made = make_masks(capture, "clean-plate", plates=filmed / "plates")
    assert (made.kept, made.made) == (7, FRAMES * VIEWS)
    assert not list(capture.glob(".masks*"))


def test_what_was_begun_otherwise_begins_anew(filmed: Path, capture: Path) -> None:
    (capture / ".masks-unfinished/00").mkdir(parents=True)
    (capture / ".masks-unfinished/00/000000.png").write_bytes(b"of another command")
    assert make_masks(capture, "clean-plate", plates=filmed / "plates").kept == 0
    assert read_image(capture / "schp/00/000000.png").shape[0] == SIZE


def no_plate(root: Path) -> None:
    (root / "plates/03.png").unlink()


def small_plate(root: Path) -> None:
    write_png(root / "plates/03.png", np.zeros((8, 8, 3), np.uint8))


@pytest.mark.parametrize(("damage", "words"), [(no_plate, "camera '03'"), (small_plate, "plate is 8 x 8")])
def test_plates_that_do_not_fit_name_their_camera(
    filmed: Path, capture: Path, tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    shutil.copytree(filmed / "plates", tmp_path / "plates")
    damage(tmp_path)
    with pytest.raises(InputError, match=words):
        make_masks(capture, "clean-plate", plates=tmp_path / "plates")
    assert not (capture / "schp").exists()


def test_what_a_method_needs_is_said(capture: Path) -> None:
    for method, words in (
        ("clean-plate", "--plates"), ("model", "--model FILE"), ("hull", "the capture has none"),
        ("chroma", "no green or blue screen"), ("alpha", "no transparency"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            make_masks(capture, method)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="--shadow"):
        make_masks(capture, "median", shadow=2)
    assert "hardly anything moves" in make_masks(capture, "median").told[0]


@pytest.mark.parametrize("given", [{"method": "magic"}, {"method": None}, {"existing": "replace"}, {"existing": []}])
def test_a_word_that_is_unknown_is_refused_with_those_that_are_known(
    filmed: Path, capture: Path, given: dict[str, Any]
) -> None:
    """Whoever calls the function is not kept to its types; masks that there are must not be the price."""
    shutil.copytree(filmed / "true", capture / "schp")
    before = (capture / "schp/00/000000.png").read_bytes()
    known = "'alpha', .* or '" if "method" in given else "'refuse', 'keep' or 'overwrite'"
    with pytest.raises(InputError, match=f"^{next(iter(given))} is .*; expected .*{known}"):
        make_masks(**{"data": capture, "method": "clean-plate", "plates": filmed / "plates"} | given)
    assert (capture / "schp/00/000000.png").read_bytes() == before


def test_transparency_becomes_masks(capture: Path, filmed: Path) -> None:
    for path in sorted(capture.rglob("images/*/*.jpg")):
        truth = cv2.imread(str(filmed / "true" / path.parent.name / f"{path.stem}.png"))
        picture = cv2.imread(str(path))
        assert truth is not None
        assert picture is not None
        alpha = np.where(truth.any(axis=-1), 255, 0).astype(np.uint8)
        path.write_bytes(cv2.imencode(".png", np.dstack([picture, alpha]))[1].tobytes())
    assert make_masks(capture, "alpha").made == FRAMES * VIEWS
    mask = source(capture).mask(1, 2)
    truth = cv2.imread(str(filmed / "true/02/000001.png"))
    assert mask is not None
    assert truth is not None
    assert ((mask > 0) == truth.any(axis=-1)).all()


def test_a_network_masks_a_capture(capture: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "red.onnx").write_bytes(network(RED, [-0.05]))
    made = make_masks(capture, "model", model=tmp_path / "red.onnx", mean=(0, 0, 0), std=(1, 1, 1), size=64)
    assert made.made == FRAMES * VIEWS


def test_faces_stay_faces_when_masks_are_cleaned(filmed: Path, capture: Path) -> None:
    shutil.copytree(filmed / "true", capture / "schp")
    before = source(capture).mask(0, 0)
    make_masks(capture, "hull", existing="overwrite")
    after = source(capture).mask(0, 0)
    assert before is not None
    assert after is not None
    assert (before == FACE).sum() > 5
    assert ((after == FACE) & (before == FACE)).sum() > 0.9 * (before == FACE).sum()


def test_frames_of_which_few_cameras_have_masks_stay_as_they_are(filmed: Path, capture: Path) -> None:
    """The first as well as any other: only if all are so, nothing can be cleaned."""
    shutil.copytree(filmed / "true", capture / "schp")
    for view in range(2, VIEWS):
        (capture / f"schp/{view:02d}/000000.png").unlink()
    noise = np.zeros((SIZE, SIZE), np.uint8)
    noise[:6, :6] = 255
    for frame in range(2):
        path = capture / f"schp/00/{frame:06d}.png"
        truth = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert truth is not None
        write_png(path, np.maximum(np.where(truth > 0, 255, 0), noise).astype(np.uint8)[..., None].repeat(3, axis=2))
    told = make_masks(capture, "hull", existing="overwrite").told
    assert told == ("1 of 3 frames have masks of fewer than 3 cameras and stay as they are: 0",)
    masks = [source(capture).mask(frame, 0) for frame in range(2)]
    assert [mask[:6, :6].all() for mask in masks if mask is not None] == [True, False]
    for path in sorted(capture.rglob("schp/0[234]/*")):
        path.unlink()
    with pytest.raises(InputError, match=r"3 cameras or more of one frame; none has more than 2"):
        make_masks(capture, "hull", existing="overwrite")


def test_cameras_without_masks_colour_and_do_not_carve(filmed: Path, capture: Path, tmp_path: Path) -> None:
    """Masks of some cameras, and of some frames of another: it trains, and the hull is that of the masks there are."""
    make_masks(capture, "clean-plate", plates=filmed / "plates")
    whole = shutil.copytree(capture, tmp_path / "whole")
    shutil.rmtree(capture / "schp/04")
    (capture / "schp/03/000001.png").unlink()
    found = source(capture)
    assert [found.masked(1, view) for view in range(VIEWS)] == [True, True, True, False, False]
    few, all_of_them = (hull_boxes(source(folder), padding=0.0) for folder in (capture, whole))
    assert (few[:, 0] <= all_of_them[:, 0] + 0.1).all(), "a camera less carves less"
    assert (few[:, 1] >= all_of_them[:, 1] - 0.1).all()
    config = configure(PRESETS["small"], {"train.steps": 3}, SETTINGS)
    trained = train(capture, tmp_path / "run", config=config)
    assert trained.finished, "no loss was other than finite"


def test_masks_of_videos_are_named_after_camera_and_frame(tmp_path: Path) -> None:
    pictures, masks_of_them = walking(list(range(0, 144, 12)))
    rig = cameras(160, 96)
    for camera in rig:
        write_clip(tmp_path / f"{camera.name}.mp4", pictures)
    np.save(tmp_path / "poses_bounds.npy", poses(rig, (160, 96)))
    made = make_masks(tmp_path, "median")
    assert (made.made, made.told) == (len(pictures) * len(rig), ())
    assert (tmp_path / "masks/cam01/000003.png").exists()
    found = source(tmp_path)
    assert found.layout == "neural3d"
    mask = found.mask(3, 1)
    assert mask is not None
    assert ((mask > 0) != (masks_of_them[3] > 0)).mean() < 0.02
    with pytest.raises(InputError, match="a video has no transparency"):
        make_masks(tmp_path, "alpha", existing="overwrite")


def test_command_and_function_have_the_same_defaults() -> None:
    ours, theirs = inspect.signature(masks).parameters, inspect.signature(make_masks).parameters
    for name in ("shadow", "key", "mean", "std", "size", "layout"):
        assert ours[name].default == theirs[name].default


def test_the_command_says_what_was_made_and_what_comes_next(
    filmed: Path, capture: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["capture", "masks", str(capture), "--method", "clean-plate", "--plates", str(filmed / "plates")]
    assert main(words) == 0
    said = capfd.readouterr().out
    assert f"{FRAMES * VIEWS} masks of {VIEWS} cameras" in said
    assert f"{capture / 'masks.jpg'}" in said
    assert said.rstrip().endswith(f"next: dymap capture check {capture}")
    assert main(words) == 1
    assert "--overwrite replaces them" in capfd.readouterr().err
