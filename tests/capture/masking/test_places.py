"""Masks of every layout are written where its reader finds them, whatever is there already; or they are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dymap.capture import read_source
from dymap.capture.images import FACE
from dymap.capture.masking import make
from dymap.capture.masking.places import MaskPlaces, own_mask
from dymap.capture.source import Source
from dymap.capture.writers.easymocap import write_easymocap
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.runs import make_masks
from dymap.runs.bars import ignore_update
from tests.capture.clips import write_clip
from tests.capture.many_layouts import HEIGHT, LAYOUTS, VIEWS, WIDTH, ball

FOLDERS = {"nhr": "mask", "panoptic": "seg", "zjumocap": "schp", "actorshq": "2x/masks"}
PLACES = [(frame, view) for frame in range(2) for view in range(VIEWS)]


@pytest.fixture(scope="module")
def filmed() -> Source:
    return ball()


@pytest.fixture(autouse=True)
def stripes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that tells frames and cameras apart, whatever the pictures are."""

    def masks(*given: Any) -> Iterator[Any]:
        yield from ((place, stripe(*place)) for place in given[3])

    monkeypatch.setattr(make, "_all_masks", masks)


def stripe(frame: int, view: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[5:30, 8 * view : 8 * view + 12 + 3 * frame] = 1
    return mask


def wrong(folder: Path, **how: Any) -> list[tuple[int, int]]:
    """Pictures whose masks are others than those that were made."""
    found = read_source(folder, CaptureConfig(**how))
    return [
        place
        for place in PLACES
        if found.present(*place) and ((mask := found.mask(*place)) is None or ((mask > 0) != stripe(*place)).any())
    ]


@pytest.mark.parametrize("kept", ["none", "some", "all"])
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "dna"])
def test_masks_of_every_layout_are_found_by_its_reader(layout: str, kept: str, filmed: Source, tmp_path: Path) -> None:
    LAYOUTS[layout](filmed, tmp_path / "capture")
    masks = tmp_path / "capture" / FOLDERS.get(layout, "masks")
    if layout == "transforms":  # entries that name their masks are another case
        forget_names(tmp_path / "capture/transforms.json")
    if kept == "some":
        next(masks.rglob("*0001.png")).unlink()
        shutil.rmtree(next(path for path in masks.iterdir() if path.name in ("02", "cam02")))
    elif kept == "none":
        shutil.rmtree(masks)
        if layout == "nhr":
            masks.mkdir()
    how = {"layout": layout}
    made = make_masks(tmp_path / "capture", "median", existing="overwrite", **how)
    assert (made.made, wrong(tmp_path / "capture", **how)) == (len(PLACES), [])
    assert made.folder == masks


def forget_names(path: Path) -> None:
    said = json.loads(path.read_text())
    for entry in said["frames"]:
        entry.pop("mask_path", None)
    path.write_text(json.dumps(said))


def test_masks_in_files_of_their_own_are_refused_with_what_helps(filmed: Source, tmp_path: Path) -> None:
    LAYOUTS["dna"](filmed, tmp_path / "my capture")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=r"dymap capture convert '.*/my capture' OUT --to easymocap"):
        make_masks(tmp_path / "my capture", "median", existing="overwrite")
    assert sorted(tmp_path.rglob("*")) == before


def test_masks_that_entries_name_are_replaced_where_they_are(filmed: Source, tmp_path: Path) -> None:
    LAYOUTS["transforms"](filmed, tmp_path)
    (tmp_path / "masks").rename(tmp_path / "alpha")
    path = tmp_path / "transforms.json"
    said = json.loads(path.read_text().replace('"masks/', '"alpha/'))
    path.write_text(json.dumps(said))
    made = make_masks(tmp_path, "median", existing="overwrite")
    assert (made.folder, wrong(tmp_path)) == (tmp_path / "alpha", [])
    assert not (tmp_path / "masks").exists()
    said["frames"][3].pop("mask_path")
    path.write_text(json.dumps(said))
    for existing in ("keep", "overwrite"):
        with pytest.raises(InputError, match=r"names none.* dymap capture convert"):
            make_masks(tmp_path, "median", existing=existing)  # type: ignore[arg-type]
    for entry in said["frames"]:
        entry["mask_path"] = "alpha/00/000000.png"
    path.write_text(json.dumps(said))
    with pytest.raises(InputError, match=r"000000\.png: would be the mask of two pictures"):
        make_masks(tmp_path, "median", existing="overwrite")


def test_a_folder_a_frame_has_masks_in_each(filmed: Source, tmp_path: Path) -> None:
    LAYOUTS["transforms"](filmed, tmp_path / "whole")
    said = json.loads((tmp_path / "whole/transforms.json").read_text())
    for frame in range(2):
        folder = tmp_path / f"capture/frames/{frame:06d}"
        entries = [entry for entry in said["frames"] if f"/{frame:06d}." in entry["file_path"]]
        for entry in entries:
            camera = Path(entry["file_path"]).parent.name
            (folder / "images").mkdir(parents=True, exist_ok=True)
            shutil.copy(tmp_path / "whole" / entry["file_path"], folder / f"images/{camera}.png")
            entry["file_path"] = f"images/{camera}.png"
            entry.pop("mask_path")
            entry.pop("time", None)
        (folder / "transforms.json").write_text(json.dumps(said | {"frames": entries}))
    made = make_masks(tmp_path / "capture", "median")
    assert (made.made, wrong(tmp_path / "capture")) == (len(PLACES), [])
    assert (tmp_path / "capture/frames/000001/masks/03.png").exists()


@pytest.mark.parametrize("ending", [".jpg", ".webp", ".bmp", ".tif"])
@pytest.mark.parametrize("layout", ["easymocap", "zjumocap", "transforms", "neural3d"])
def test_masks_in_other_kinds_of_files_stay_in_these(
    layout: str, ending: str, filmed: Source, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tmp_path /= "capture"
    LAYOUTS[layout](filmed, tmp_path)
    for path in sorted((tmp_path / FOLDERS.get(layout, "masks")).rglob("*.png")):
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert image is not None
        assert cv2.imwrite(str(path.with_suffix(ending)), image)
        path.unlink()
    if layout == "transforms":
        path = tmp_path / "transforms.json"
        said = json.loads(path.read_text())
        for entry in said["frames"]:
            entry["mask_path"] = entry["mask_path"].replace(".png", ending)
        path.write_text(json.dumps(said))
    make_masks(tmp_path, "median", existing="overwrite")
    assert wrong(tmp_path) == []
    assert not list((tmp_path / FOLDERS.get(layout, "masks")).rglob("*.png"))
    assert capfd.readouterr().err == "", "OpenCV warns of options that a kind of file lacks"


def test_faces_are_kept_in_files_that_keep_colours(tmp_path: Path) -> None:
    mask = stripe(0, 0)
    mask[10:12, 3:5] = FACE
    for name in ("mask.png", "mask.webp", "mask.jpg"):
        make._write_mask(tmp_path / name, mask)
        image = cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED)
        assert image is not None
        assert image.ndim == (2 if name == "mask.jpg" else 3)
        assert ((image.reshape(HEIGHT, WIDTH, -1).max(axis=-1) >= 128) == (mask > 0)).all()


@pytest.mark.parametrize(("masks", "images"), [("", "filmed"), ("own/alpha", ""), ("own", "filmed"), ("", "")])
def test_folders_that_options_name(masks: str, images: str, filmed: Source, tmp_path: Path) -> None:
    write_easymocap(filmed, tmp_path, ignore_update)
    shutil.rmtree(tmp_path / "masks")
    if images:
        (tmp_path / "images").rename(tmp_path / images)
    how = {"options": {"masks": masks, "images": images}}
    made = make_masks(tmp_path, "median", **how)
    assert (made.folder, wrong(tmp_path, **how)) == (tmp_path / (masks or "masks"), [])


def test_pictures_in_a_folder_of_the_cameras_and_cameras_of_other_names(filmed: Source, tmp_path: Path) -> None:
    """images/left0/rgb/frame_000000.png, which are taken for the calibration's cameras in their order."""
    LAYOUTS["calibrated"](filmed, tmp_path)
    shutil.rmtree(tmp_path / "masks")
    for view in range(VIEWS):
        (tmp_path / f"images/left{view}").mkdir()
        (tmp_path / f"images/{view:02d}").rename(tmp_path / f"images/left{view}/rgb")
        for path in sorted((tmp_path / f"images/left{view}/rgb").iterdir()):
            path.rename(path.with_name(f"frame_{path.name}"))
    with pytest.warns(UserWarning, match="taken in order"):
        make_masks(tmp_path, "median")
    with pytest.warns(UserWarning, match="taken in order"):
        assert wrong(tmp_path) == []


def test_names_that_are_numbers_stay_so(filmed: Source, tmp_path: Path) -> None:
    """Masks 7.png and 8.png of pictures frame_000007 and frame_000008: one called as a picture hid the others."""
    write_easymocap(filmed, tmp_path, ignore_update)
    for path in sorted(tmp_path.rglob("images/*/*")):
        path.rename(path.with_name(f"frame_{int(path.stem) + 7:06d}.png"))
    for path in sorted(tmp_path.rglob("masks/*/*")):
        path.rename(path.with_name(f"{int(path.stem) + 7}.png"))
    (tmp_path / "masks/01/8.png").unlink()
    assert own_mask(read_source(tmp_path, CaptureConfig()), 0, 1) == tmp_path / "masks/01/7.png"
    assert make_masks(tmp_path, "median", existing="keep").made == 1
    found = read_source(tmp_path, CaptureConfig())
    assert [found.masked(frame, 1) for frame in range(2)] == [True, True]
    assert make_masks(tmp_path, "median", existing="overwrite").made == len(PLACES)
    assert wrong(tmp_path) == []


def test_names_of_two_kinds_are_refused(filmed: Source, tmp_path: Path) -> None:
    """As numbers of frames, m2_0.png and 000001.png are no names of one camera."""
    tmp_path /= "capture"
    LAYOUTS["neural3d"](filmed, tmp_path)
    (tmp_path / "masks/01/000001.png").unlink()
    (tmp_path / "masks/01/000000.png").rename(tmp_path / "masks/01/m2_0.png")
    with pytest.raises(InputError, match=r"m2_0\.png: beside it a mask 000001\.png cannot be read"):
        make_masks(tmp_path, "median", existing="keep")
    assert read_source(tmp_path, CaptureConfig()).masked(0, 1)


@pytest.mark.parametrize("place", ["videos/{name}.mkv", "{name}.mkv", "videos/{name}/GX01.mkv"])
def test_masks_of_videos_wherever_these_are(place: str, filmed: Source, tmp_path: Path) -> None:
    write_easymocap(filmed, tmp_path, ignore_update)
    for name in ("images", "masks"):
        shutil.rmtree(tmp_path / name)
    for view, camera in enumerate(filmed.cameras):
        path = tmp_path / place.format(name=camera.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_clip(path, [filmed.picture(frame, view) for frame in range(2)], codec="ffv1", pix_fmt="bgr0")
    make_masks(tmp_path, "median")
    assert wrong(tmp_path) == []
    assert (tmp_path / "masks/03/000001.png").exists()


@pytest.mark.parametrize("layout", ["easymocap", "zjumocap", "transforms"])
def test_masks_of_cut_outs_are_files_of_their_own(layout: str, filmed: Source, tmp_path: Path) -> None:
    """Transparency says what is foreground, with colours corrected too: the file that corrects them is no mask."""
    LAYOUTS[layout](filmed, tmp_path)
    shutil.rmtree(tmp_path / FOLDERS.get(layout, "masks"))
    if layout == "transforms":
        forget_names(tmp_path / "transforms.json")
    if layout == "easymocap":
        with (tmp_path / "intri.yml").open("a") as file:
            file.write("ccm_00: !!opencv-matrix\n  rows: 3\n  cols: 3\n  dt: d\n  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]\n")
    for path in sorted(tmp_path.rglob("images/*/*.png")):
        image = cv2.imread(str(path))
        assert image is not None
        cv2.imwrite(str(path), np.dstack([image, np.full(image.shape[:2], 200, np.uint8) * (image.max(axis=-1) > 50)]))
    source = read_source(tmp_path, CaptureConfig())
    assert source.masked(0, 0)
    assert own_mask(source, 0, 0) is None
    assert make_masks(tmp_path, "median").made == len(PLACES)
    assert wrong(tmp_path) == []


def test_a_mask_never_takes_the_place_of_a_picture(filmed: Source, tmp_path: Path) -> None:
    LAYOUTS["transforms"](filmed, tmp_path)
    path = tmp_path / "transforms.json"
    said = json.loads(path.read_text())
    files = [entry["file_path"] for entry in said["frames"]]
    for entry, file in zip(said["frames"], files[1:] + files[:1], strict=True):
        entry["mask_path"] = file
    path.write_text(json.dumps(said))
    before = (tmp_path / files[0]).read_bytes()
    with pytest.raises(InputError, match="is a picture"):
        make_masks(tmp_path, "median", existing="overwrite")
    assert (tmp_path / files[0]).read_bytes() == before


def test_files_that_are_not_read_as_masks_are_not_replaced_unasked(
    filmed: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_easymocap(filmed, tmp_path, ignore_update)
    shutil.rmtree(tmp_path / "masks")
    (tmp_path / "3").mkdir()
    (tmp_path / "3/1.png").write_bytes(b"of someone")
    monkeypatch.setattr(MaskPlaces, "of", lambda _, frame, view: tmp_path / f"{view}/{frame}.png")
    with pytest.raises(InputError, match=r"3/1\.png: is there, though it is not read as a mask"):
        make_masks(tmp_path, "median", existing="keep")
    assert (tmp_path / "3/1.png").read_bytes() == b"of someone"


def test_masks_that_the_reader_does_not_find_are_told(
    filmed: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_easymocap(filmed, tmp_path, ignore_update)
    shutil.rmtree(tmp_path / "masks")
    monkeypatch.setattr(MaskPlaces, "of", lambda _, frame, view: tmp_path / f"lost/{view}/{frame}.png")
    with pytest.raises(InputError, match=r"0\.png: was written, but .* for 10 of 10 masks; convert"):
        make_masks(tmp_path, "median")


def test_a_single_frame(tmp_path: Path) -> None:
    source = ball(frames=1)
    write_easymocap(source, tmp_path / "capture", ignore_update)
    shutil.rmtree(tmp_path / "capture/masks")
    assert make_masks(tmp_path / "capture", "median").made == VIEWS
    assert read_source(tmp_path / "capture", CaptureConfig()).masked(0, 4)
