"""NAME.qca.txt: units, axes, the part of the sensor, and XML that would do harm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dymap.capture.calibrations import read_calibration
from dymap.errors import InputError
from dymap.geometry.camera import Camera
from tests.capture.calibrations.cameras import assert_same, rig


def write_qualisys(path: Path, cameras: tuple[Camera, ...], left: int = 0, top: int = 0, extra: str = "") -> Path:
    """As Qualisys writes it: 64ths of a pixel of the sensor, millimetres, axes right, up, backwards."""
    text = "<?xml version='1.0' encoding='ASCII'?>\n<!-- made by a test -->\n<calibration><cameras>" + extra
    for camera in cameras:
        M, C, K, D = np.diag([1, -1, -1]) @ camera.R, camera.position * 1000, camera.K * 64, camera.D
        turn = " ".join(f'r{i + 1}{j + 1}="{M[i, j]:.15f}"' for i in range(3) for j in range(3))
        right, bottom = left + camera.width - 1, top + camera.height - 1
        text += (
            f'<camera serial="{camera.name}" model="Miqus Video" viewrotation="0">'
            f'<fov_video left="{left}" top="{top}" right="{right}" bottom="{bottom}"/>'
            f'<transform x="{C[0]:.12f}" y="{C[1]:.12f}" z="{C[2]:.12f}" {turn}/>'
            f'<intrinsic focalLengthU="{K[0, 0]}" focalLengthV="{K[1, 1]}" centerPointU="{K[0, 2] + 64 * left}" '
            f'centerPointV="{K[1, 2] + 64 * top}" skew="0" radialDistortion1="{D[0]}" radialDistortion2="{D[1]}" '
            f'radialDistortion3="{D[4]}" tangentalDistortion1="{D[2]}" tangentalDistortion2="{D[3]}"/></camera>'
        )
    path.write_text(text + "</cameras></calibration>")
    return path


@pytest.mark.parametrize(("left", "top"), [(0, 0), (100, 7)])
def test_cameras_come_back(tmp_path: Path, left: int, top: int) -> None:
    path = write_qualisys(tmp_path / "Calib.qca.txt", rig(), left, top)
    assert_same(read_calibration(path), rig())
    assert_same(read_calibration(tmp_path), rig())


def test_a_real_file_in_numbers(tmp_path: Path) -> None:
    """The first camera of the demonstration of Pose2Sim 0.10.49; its pose as that program has it."""
    path = tmp_path / "Calib.qca.txt"
    path.write_text(
        '<calibration><cameras><camera active="1" model="none" serial="cam01" viewrotation="0">'
        '<fov_video bottom="1919" left="0" right="1087" top="0"/>'
        '<transform r11="0.5536380477336265" r12="0.8046719867383512" r13="0.2144479094331626" '
        'r21="-0.4345300743838753" r22="0.05946489349975602" r23="0.8986921279821063" '
        'r31="0.7104002579937896" r32="-0.5907342212870501" '
        'r33="0.3825762057979294" x="1460.2323709212087" y="-1909.1590482454608" z="1896.5058524092062"/>'
        '<intrinsic centerPointU="34110.316406" centerPointV="60680.792969" focalLengthU="107599.671875" '
        'focalLengthV="107588.828125" radialDistortion1="-0.046183" radialDistortion2="0.139983" skew="0.000000" '
        'radialDistortion3="0.0" tangentalDistortion1="0.000608" tangentalDistortion2="0.00069"/>'
        "</camera></cameras></calibration>"
    )
    (camera,) = read_calibration(path)
    assert (camera.width, camera.height) == (1088, 1920)
    np.testing.assert_allclose(camera.T, [0.32110489, 0.95633206, 2.89071305], atol=1e-7)
    np.testing.assert_allclose(camera.K[:2].ravel(), [1681.2448730, 0, 532.9736938, 0, 1681.0754395, 948.1373901])
    np.testing.assert_allclose(camera.D, [-0.046183, 0.139983, 0.000608, 0.00069, 0])


def test_cameras_that_film_markers_only_are_left_out(tmp_path: Path) -> None:
    path = write_qualisys(tmp_path / "x.qca.txt", rig(), extra='<camera serial="9" model="Arqus A12"/>')
    assert_same(read_calibration(path), rig())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<calibration>", '<!DOCTYPE x [<!ENTITY a "b">]><calibration>', "document type or entities"),
        ("<calibration>", "<setup><calibration>", "not readable XML"),
        ("calibration>", "settings>", "outermost element is <settings>"),
        ('centerPointV="', 'centre="', "camera '01': centerPointV is missing"),
        ('r12="', 'r12="x', "camera '01': r12 is 'x"),
        ("<fov_video", "<fov_other", "camera '01' lacks <fov_video>"),
        ('serial="02"', 'serial="01"', "same serial"),
        ('serial="02"', 'serial="../02"', "no name of a folder"),
        ('r11="', 'r11="5" was="', "camera '01': R is no rotation"),
        ('right="63"', 'right="1e9"', "expected pixels of a picture"),
        ('right="63"', 'right="inf"', "camera '01': right is 'inf'"),
    ],
)
def test_faults_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write_qualisys(tmp_path / "x.qca.txt", rig())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new) if old == "calibration>" else text.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        read_calibration(path)


def test_entities_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "x.qca.txt"
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY a "b">]><calibration/>'
    path.write_bytes(text.encode("utf-16"))
    with pytest.raises(InputError, match="document type or entities"):
        read_calibration(path)


def test_several_calibrations_in_a_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_qualisys(tmp_path / f"{name}.qca.txt", rig())
    with pytest.raises(InputError, match=r"several calibrations \(a.qca.txt, b.qca.txt\); name one of them"):
        read_calibration(tmp_path)
