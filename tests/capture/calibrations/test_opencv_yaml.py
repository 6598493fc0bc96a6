"""intri.yml and extri.yml: what OpenCV writes is read, what we write OpenCV reads, and faults are named."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dymap.capture.calibrations import read_calibration
from dymap.capture.calibrations.camera import repeated
from dymap.capture.calibrations.file_storage import read_file_storage, write_file_storage
from dymap.capture.calibrations.opencv_yaml import read_opencv_yaml
from dymap.capture.writers.easymocap import write_calibration
from dymap.errors import InputError
from dymap.geometry.camera import Camera
from tests.capture.calibrations.cameras import assert_same, rig


def write_with_opencv(folder: Path, cameras: tuple[Camera, ...], vector: bool = True) -> None:
    """As EasyMocap's own calibration writes it, through OpenCV."""
    folder.mkdir(exist_ok=True)
    for name in ("intri.yml", "extri.yml"):
        file = cv2.FileStorage(str(folder / name), cv2.FILE_STORAGE_WRITE)
        file.startWriteStruct("names", cv2.FileNode_SEQ)
        for camera in cameras:
            file.write("", camera.name)
        file.endWriteStruct()
        for camera in cameras:
            if name == "intri.yml":
                file.write(f"K_{camera.name}", camera.K)
                file.write(f"dist_{camera.name}", camera.D.reshape(5, 1))
                file.write(f"H_{camera.name}", camera.height)
                file.write(f"W_{camera.name}", camera.width)
            else:
                if vector:
                    file.write(f"R_{camera.name}", cv2.Rodrigues(camera.R)[0])
                file.write(f"Rot_{camera.name}", camera.R)
                file.write(f"T_{camera.name}", camera.T.reshape(3, 1))
        file.release()


def edit(path: Path, old: str, new: str, count: int = 1) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


@pytest.mark.parametrize("vector", [True, False])
def test_what_opencv_writes_is_read(tmp_path: Path, vector: bool) -> None:
    write_with_opencv(tmp_path, rig(), vector)
    for path in (tmp_path, tmp_path / "intri.yml", tmp_path / "extri.yml"):
        assert_same(read_calibration(path), rig())


def test_what_is_written_opencv_reads(tmp_path: Path) -> None:
    write_calibration(tmp_path, rig())
    file = cv2.FileStorage(str(tmp_path / "extri.yml"), cv2.FILE_STORAGE_READ)
    names = file.getNode("names")
    assert [names.at(k).string() for k in range(names.size())] == ["01", "02", "03"]
    np.testing.assert_allclose(file.getNode("Rot_02").mat(), rig()[1].R)
    np.testing.assert_allclose(file.getNode("T_03").mat().ravel(), rig()[2].T)


@pytest.mark.parametrize(
    "name", ["01", "cam 7", "x,y", "C0001.left-x", "Kamera Süd", "机位1", "a: b", 'say "x"', "#3", "-", "'", "a,b]"]
)
def test_names_of_any_characters(tmp_path: Path, name: str) -> None:
    camera = replace(rig()[0], name=name)
    write_calibration(tmp_path, [camera])
    assert_same(read_calibration(tmp_path), (camera,))


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", "a\\b", "a\nb", "a\0b"])
def test_names_that_are_no_folders(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="no name of a folder"):
        write_calibration(tmp_path, [replace(rig()[0], name=name)])
    write_file_storage(tmp_path / "intri.yml", {"names": ["../../x"]})
    write_file_storage(tmp_path / "extri.yml", {"names": ["../../x"]})
    with pytest.raises(InputError, match="no name of a folder"):
        read_calibration(tmp_path)


@pytest.mark.parametrize("count", [4, 5, 8, 12, 14])
def test_lenses_of_all_lengths(tmp_path: Path, count: int) -> None:
    camera = replace(rig()[0], D=np.linspace(0.01, 0.001, count))
    write_calibration(tmp_path, [camera])
    assert_same(read_calibration(tmp_path), (camera,))


def test_a_fisheye_lens_is_written_and_read(tmp_path: Path) -> None:
    camera = replace(rig()[0], D=np.array([0.1, 0.01, 0.001, 0.0]), lens="fisheye")
    write_calibration(tmp_path, [camera])
    assert_same(read_calibration(tmp_path), (camera,))


def test_half_pixel_centres_are_written_as_opencvs(tmp_path: Path) -> None:
    camera = replace(rig()[0], pixel_offset=0.5)
    write_calibration(tmp_path, [camera])
    points = np.array([[0.1, 0.2, 0.9], [-0.2, 0.1, 1.0]])
    np.testing.assert_allclose(read_calibration(tmp_path)[0].project(points)[0], camera.project(points)[0], atol=1e-9)


def test_forms_that_people_write(tmp_path: Path) -> None:
    """Names in one line or without indentation, comments, Windows' line ends, a byte order mark, missing lens."""
    (tmp_path / "intri.yml").write_bytes(
        "\ufeff%YAML:1.0\r\n---\r\n# two cameras\r\nnames: [ 01, 'b' ]  # as they are\r\n"
        "K_01: !!opencv-matrix {rows: 3, cols: 3, dt: d, data: [100, 0, 32, 0, 100, 24,\r\n 0, 0, 1]}\r\n"
        "K_b: !!opencv-matrix\r\n  dt: f\r\n  data: [ 1.e+02, 0., 32.,\r\n    0., 100., 24., 0., 0., 1. ]\r\n"
        "  cols: 3\r\n  rows: 3\r\nH_01: 48\r\nW_01: 64\r\nH_b: 48.\r\nW_b: 64.\r\nn_01: 0.1\r\n".encode()
    )
    (tmp_path / "extri.yml").write_text(
        "names:\n- '01'\n- b\n"
        + "".join(
            f"R_{name}: !!opencv-matrix\n   rows: 3\n   cols: 1\n   dt: d\n   data: [ 0., 0., 0. ]\n"
            f"T_{name}: !!opencv-matrix\n   rows: 1\n   cols: 3\n   dt: i\n   data: [ 0, 0, {place} ]\n"
            for place, name in enumerate(("01", "b"))
        )
    )
    first, second = read_calibration(tmp_path)
    assert (first.name, second.name, first.width, second.height) == ("01", "b", 64, 48)
    np.testing.assert_array_equal(first.K, second.K)
    np.testing.assert_array_equal(second.T, [0, 0, 1])
    np.testing.assert_array_equal(first.R, np.eye(3))
    assert not first.distorted


def test_sizes_that_the_file_does_not_say(tmp_path: Path) -> None:
    write_calibration(tmp_path, rig())
    text = (tmp_path / "intri.yml").read_text()
    (tmp_path / "intri.yml").write_text("\n".join(line for line in text.split("\n") if line[:2] not in ("H_", "W_")))
    with pytest.raises(InputError, match=r"intri\.yml: camera '01' says no size of its pictures; add H_01 and W_01"):
        read_calibration(tmp_path)
    assert_same(read_calibration(tmp_path, {camera.name: (64, 48) for camera in rig()}.get), rig())


def test_colours_and_times(tmp_path: Path) -> None:
    write_calibration(tmp_path, rig())
    matrix = "   rows: 3\n   cols: 3\n   dt: d\n   data: [ 1.1, 0, 0, 0, 0.9, 0.1, 0, 0, 1 ]\n"
    with (tmp_path / "intri.yml").open("a") as file:
        file.write("ccm_02: !!opencv-matrix\n" + matrix)
    with (tmp_path / "extri.yml").open("a") as file:
        file.write("t_03: 0.012\n")
    found = read_opencv_yaml(tmp_path)
    assert found.colours[0] is None
    np.testing.assert_allclose(found.colours[1], [[1.1, 0, 0], [0, 0.9, 0.1], [0, 0, 1]])
    assert found.times == (0.0, 0.0, 0.012)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("extri.yml", '   - "02"\n', "", r"extri\.yml: lacks camera '02', which intri\.yml has; calibrate it"),
        ("intri.yml", '   - "03"\n', "", r"intri\.yml: lacks camera '03', which extri\.yml has"),
        ("intri.yml", '   - "02"\n', '   - "01"\n', "lists camera '01' twice"),
        ("intri.yml", "K_02:", "Q_02:", "camera '02' lacks K_02"),
        ("extri.yml", "T_03:", "Q_03:", "camera '03' lacks T_03"),
        ("intri.yml", "D_01:", "D_02:", "'D_02' is there twice"),
        ("intri.yml", "H_02: 48", "H_02: *height", "aliases, tags and nested values are not read"),
        ("intri.yml", "H_02: 48", "H_02: tall", "'H_02' holds 'tall'; expected a finite number"),
        ("intri.yml", "K_01: !!opencv-matrix", "K_01: !!python/object:os.system", "'K_01' is no matrix"),
        ("intri.yml", "rows: 3", "rows: 3000", "speaks of 3000 x 3 numbers and holds 9"),
        ("intri.yml", "rows: 3", "rows: 2", "speaks of 2 x 3 numbers and holds 9"),
        ("intri.yml", "61.0", ".Nan", "expected a finite number"),
        ("intri.yml", "0.0, 1.0 ]", "0.0, 1.0 ", "has no end"),
        ("intri.yml", "60.0", "-60.0", r"K is .* expected \[\[fx, s, cx\]"),
        ("intri.yml", "dt: d", 'dt: "3d"', "has the type '3d'"),
        ("intri.yml", "%YAML:1.0", "{", "is no key with a value"),
        ("intri.yml", "%YAML:1.0", "  - x", "line 1 belongs to no key"),
    ],
)
def test_faults_are_named(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    write_calibration(tmp_path, rig())
    edit(tmp_path / file, old, new)
    with pytest.raises(InputError, match=message):
        read_calibration(tmp_path)


def test_a_lens_of_six_numbers(tmp_path: Path) -> None:
    write_calibration(tmp_path, rig(1))
    text = (tmp_path / "intri.yml").read_text().replace("cols: 5", "cols: 6").replace("0.003 ]", "0.003, 0 ]")
    (tmp_path / "intri.yml").write_text(text)
    with pytest.raises(
        InputError, match=r"intri\.yml: camera '01': D has 6 numbers; a lens of the model 'opencv' has 4, 5, 8"
    ):
        read_calibration(tmp_path)


def test_rotations_that_disagree(tmp_path: Path) -> None:
    cameras = rig()
    write_calibration(tmp_path, cameras)
    values = {
        f"{key}_{c.name}": read_file_storage(tmp_path / "extri.yml").matrix(f"{key}_{c.name}")
        for c in cameras
        for key in ("R", "Rot", "T")
    }
    changed = {"names": ["01", "02", "03"]} | {key: value for key, value in values.items() if value is not None}
    write_file_storage(tmp_path / "extri.yml", changed | {"R_02": np.array([[0.1], [0.2], [0.3]])})
    with pytest.raises(InputError, match="R_02 and Rot_02 are different rotations"):
        read_calibration(tmp_path)
    del changed["R_03"]
    write_file_storage(tmp_path / "extri.yml", changed | {"Rot_03": 2 * np.eye(3)})
    with pytest.raises(InputError, match=r"extri\.yml: R of camera '03' is no rotation .* scaled"):
        read_calibration(tmp_path)
    write_file_storage(tmp_path / "extri.yml", changed | {"Rot_03": np.diag([1.0, 1.0, -1.0])})
    with pytest.raises(InputError, match=r"R of camera '03' is no rotation .* mirror"):
        read_calibration(tmp_path)
    del changed["Rot_03"]
    write_file_storage(tmp_path / "extri.yml", changed)
    with pytest.raises(InputError, match=r"camera '03' lacks R_03 .* or Rot_03"):
        read_calibration(tmp_path)


def test_files_that_are_no_calibration(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no calibration that is known; expected intri"):
        read_calibration(tmp_path)
    write_calibration(tmp_path, rig())
    (tmp_path / "extri.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"extri\.yml: not a text file"):
        read_calibration(tmp_path)
    (tmp_path / "extri.yml").unlink()
    with pytest.raises(InputError, match=r"extri\.yml: missing"):
        read_calibration(tmp_path / "intri.yml")


def test_a_bomb_stays_small(tmp_path: Path) -> None:
    """Aliases are not expanded, long lists of keys end, and a matrix cannot speak of more than the file holds."""
    write_calibration(tmp_path, rig())
    bomb = "a: &a [ x, x ]\n" + "".join(f"b{k}: &b{k} [ *a, *a ]\n" for k in range(50))
    (tmp_path / "intri.yml").write_text(bomb + (tmp_path / "intri.yml").read_text())
    assert_same(read_calibration(tmp_path), rig())
    (tmp_path / "intri.yml").write_text("".join(f"k{k}: 1\n" for k in range(100_001)))
    with pytest.raises(InputError, match="more than 100000 keys"):
        read_calibration(tmp_path)


@pytest.mark.parametrize(
    "line", ["a" + " " * 500_000 + "b", "names: [ a" + " " * 500_000 + "b ]", "k" * 500_000, '"' * 99_999]
)
def test_long_lines_are_read_in_one_go(tmp_path: Path, line: str) -> None:
    """No pattern tries every split of a line."""
    (tmp_path / "extri.yml").write_text("x: 1\n")
    (tmp_path / "intri.yml").write_text(line + "\n")
    with pytest.raises(InputError):
        read_calibration(tmp_path)


def test_many_names_take_no_longer_than_reading_them(tmp_path: Path) -> None:
    names = [f"{number:05d}" for number in range(50_000)]
    write_file_storage(tmp_path / "intri.yml", {"names": names})
    write_file_storage(tmp_path / "extri.yml", {"names": names[:-1]})
    begin = time.process_time()
    with pytest.raises(InputError, match=r"extri\.yml: lacks camera '49999'"):
        read_opencv_yaml(tmp_path)
    write_file_storage(tmp_path / "extri.yml", {"names": [*names, names[-1]]})
    with pytest.raises(InputError, match="lists camera '49999' twice"):
        read_opencv_yaml(tmp_path)
    assert repeated([*range(200_000), 199_999]) == 199_999
    assert repeated(names) is None
    assert time.process_time() - begin < 10
