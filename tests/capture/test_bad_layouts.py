"""Whatever the layout: damage, holes, sizes, paths to elsewhere and bombs end in one sentence that names the file."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dymap.capture import open_capture, read_source
from dymap.capture.cache import images_in_flight
from dymap.capture.pickles import load_annotations
from dymap.config import CaptureConfig
from dymap.errors import InputError
from tests.capture.limits import in_a_child
from tests.capture.many_layouts import LAYOUTS, ball, write
from tests.captures import write_annotations, write_rgb

HULL = CaptureConfig(boxes="hull")
FILES = [layout for layout in LAYOUTS if layout not in ("dna", "neural3d")]
"""Layouts with a file a picture."""


LISTED = ("nhr", "panoptic", "transforms", "zjumocap")
"""Layouts that name every picture; others have a hole if a file is missing."""


@pytest.fixture
def root(layout: str, tmp_path: Path) -> Path:
    LAYOUTS[layout](ball(40 if layout == "neural3d" else 2), tmp_path / layout)
    return tmp_path / layout


@pytest.mark.parametrize("layout", LAYOUTS)
def test_truncated_pictures_and_videos_are_named(root: Path) -> None:
    path = read_source(root, CaptureConfig()).files(1, 2)[0]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(InputError, match=path.name):
        open_capture(root, HULL)


@pytest.mark.parametrize("layout", FILES)
def test_a_size_that_changes_is_named(root: Path) -> None:
    path = read_source(root, CaptureConfig()).files(1, 2)[0]
    write(path, np.zeros((24, 32, 3), np.uint8))
    with pytest.raises(
        InputError, match=rf"{path.name}: image is 32 x 24, but the first image of camera '0?2' is 64 x 48"
    ):
        open_capture(root, HULL)


@pytest.mark.parametrize("layout", FILES)
def test_a_frame_that_a_camera_lacks_is_a_hole_or_named(layout: str, root: Path) -> None:
    """Listings of files have holes; files that are listed by name have to be there."""
    path = read_source(root, CaptureConfig()).files(1, 2)[0]
    path.unlink()
    if layout in LISTED:
        with pytest.raises(InputError, match=rf"{path.name}: image is missing"):
            open_capture(root, HULL)
    else:
        assert not open_capture(root, HULL).source.present(1, 2)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_empty_file_in_place_of_a_calibration_is_named(layout: str, root: Path) -> None:
    path = next(path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix in CALIBRATIONS)
    path.write_bytes(b"")
    with pytest.raises(
        InputError, match=rf"{path.name}|{path.parent.name}/images\.txt|calibrated: holds no calibration"
    ):
        read_source(root, CaptureConfig(layout=layout))


CALIBRATIONS = (".csv", ".toml", ".txt", ".smc", ".yml", ".npy", ".json")


def leave_annotations(root: Path) -> None:
    data = load_annotations(root / "annots.npy")
    data["ims"][1]["ims"][2] = "../secret.png"
    write_annotations(root, data)


def replace_in(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new))

    return change


LEAVING: dict[str, Callable[[Path], None]] = {
    "actorshq": replace_in("2x/calibration.csv", "02,", "../02,"),
    "calibrated": replace_in("calibration/config.toml", "name = '02'", "name = '../02'"),
    "colmap": replace_in("sparse/0/images.txt", "02/000000.png", "../02/000000.png"),
    "easymocap": replace_in("intri.yml", '"02"', '"../02"'),
    "nhr": leave_annotations,
    "panoptic": replace_in("train_meta.json", "02/000001.png", "../02/000001.png"),
    "selfcap": replace_in("intri.yml", '"02"', '"../02"'),
    "transforms": replace_in("transforms.json", "images/02/000001.png", "/etc/000001.png"),
    "zjumocap": leave_annotations,
}


@pytest.mark.parametrize("layout", LEAVING)
def test_paths_that_leave_the_folder_are_refused(layout: str, root: Path) -> None:
    LEAVING[layout](root)
    with pytest.raises(InputError, match=r"\.\.|/etc"):
        read_source(root, CaptureConfig(layout=layout))


ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMBS = {
    "deep lists": ("transforms", "transforms.json", "[" * 2_000_000),
    "deep tables": ("panoptic", "train_meta.json", '{"k":' * 1_000_000),
    "long numbers": ("transforms", "transforms.json", '{"frames": [], "w": ' + "9" * 1_000_000 + "}"),
    "aliases of aliases": ("easymocap", "intri.yml", "%YAML:1.0\n---\n" + ALIASES),
    "a huge matrix": (
        "selfcap",
        "intri.yml",
        '%YAML:1.0\n---\nnames:\n   - "00"\nK_00: !!opencv-matrix\n   rows: 1000000\n   cols: 1000000\n   dt: d\n'
        "   data: [ 1. ]\n",
    ),
    "deep arrays": ("calibrated", "calibration/config.toml", "a = " + "[" * 1_000_000),
    "offsets": ("selfcap", "sync.json", "[" * 2_000_000),
    "wide rows": ("actorshq", "2x/calibration.csv", "name," * 2_000_000),
    "a model of 2^62 images": ("colmap", "sparse/0/images.bin", "\xff\xff\xff\xff\xff\xff\xff\x3f"),
}


linux = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits are set as Linux has them")


@linux
@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_take_neither_memory_nor_time(tmp_path: Path, bomb: str) -> None:
    layout, name, text = BOMBS[bomb]
    root = tmp_path / layout
    LAYOUTS[layout](ball(1), root)
    (root / name).write_bytes(text.encode("latin1"))
    if name.endswith(".bin"):
        (root / name).with_name("cameras.bin").write_bytes(bytes(8))
    config = CaptureConfig(layout=layout)
    said = in_a_child(tmp_path / "said", 3 * 2**29, resource.RLIMIT_AS, read_source, root, config)
    assert Path(name).name in said or (root / name).parent.name in said
    assert "traceback" not in said
    assert len(said) < 600


def test_images_in_flight_are_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ball(1)
    assert images_in_flight(source, CaptureConfig()) == 64
    monkeypatch.setattr("dymap.capture.cache.IN_FLIGHT", 20 * 64 * 48 * 4)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert images_in_flight(source, CaptureConfig()) == 20
    assert images_in_flight(source, CaptureConfig(ratio=4)) == 2


def prepared_in_little(root: Path, folder: Path, frame: int) -> None:
    """Within a child: prepare a capture with few images in flight, and look at a late one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dymap.capture.cache.IN_FLIGHT", 8 * 2**20)
        patch.setattr("os.cpu_count", lambda: 2)
        patch.setenv("DYMAP_CACHE", str(folder))
        capture = open_capture(root, CaptureConfig())
        assert capture.shot(frame, 1).rgb.mean() > 80


@linux
def test_a_capture_larger_than_memory_is_prepared(tmp_path: Path) -> None:
    """A hundred and twenty images of 1.2 MB in a process that may take 100 MB: they pass through, and are mapped."""
    root, frames, size = tmp_path / "large", 60, (640, 480)
    K = np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]])
    write_rgb(root / "images/00/000000.png", np.full((size[1], size[0], 3), 90, np.uint8))
    names = [f"images/00/{frame:06d}.png" for frame in range(frames)]
    for name in names[1:]:
        os.link(root / names[0], root / name)
    (root / "images/01").symlink_to("00")
    (root / "vertices").mkdir()
    for frame in range(frames):
        np.save(root / f"vertices/{frame:06d}.npy", np.array([[-2, -2, 3], [2, 2, 4.0 + 0.01 * frame]]))
    poses = {"R": [np.eye(3)] * 2, "T": [np.zeros(3), np.array([100.0, 0, 0])]}
    rows = [{"ims": [name, name.replace("/00/", "/01/")]} for name in names]
    write_annotations(root, {"cams": {"K": [K] * 2, "D": [np.zeros(5)] * 2, **poses}, "ims": rows})
    work = (prepared_in_little, root, tmp_path / "cache", frames - 1)
    assert in_a_child(tmp_path / "said", 100 * 2**20, resource.RLIMIT_DATA, *work) == "done"
    held = sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*.u8"))
    assert held > 130 * 2**20
