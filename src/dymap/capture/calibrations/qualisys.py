"""Qualisys' calibration, NAME.qca.txt: XML as Qualisys Track Manager writes it.

    <calibration><cameras>
      <camera serial="cam01" model="Miqus Video" viewrotation="0">
        <fov_video left="0" top="0" right="1087" bottom="1919"/>     the part of the sensor that was filmed, inclusive
        <transform x="1460.2" y="-1909.2" z="1896.5" r11=".." r12=".." ... r33=".."/>
        <intrinsic focalLengthU=".." focalLengthV=".." centerPointU=".." centerPointV=".." skew="0"
                   radialDistortion1=".." radialDistortion2=".." radialDistortion3=".."
                   tangentalDistortion1=".." tangentalDistortion2=".."/>
      </camera>
    </cameras></calibration>

Focal lengths and centres are in 64ths of a pixel of the sensor, whose first pixel has its centre at 0. Distortion is
OpenCV's k1 k2 p1 p2 k3, plain numbers (the program Pose2Sim divides them by 64 too, which makes the lens ideal).
x, y, z are the camera's centre C in millimetres. Its axes are right, up and backwards, the rows of M = (r11 r12 r13;
r21 ...): X_cam = diag(1, -1, -1) M (X - C) in OpenCV's axes. `viewrotation` is how the program shows pictures, not how
it writes them.

Cameras that film markers only (their model has no "video" in its name, while another's has) are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import numpy as np

from dymap.capture.calibrations.camera import check_name, make_camera
from dymap.capture.numbers import natural
from dymap.errors import InputError
from dymap.files import read_regular
from dymap.geometry.camera import Camera

ENDINGS = (".qca.txt", ".qca")
MAX_BYTES = 2**21
UNIT = 64
"""Parts of a pixel in which lengths are written."""
OPENCV_AXES = np.diag([1.0, -1.0, -1.0])
"""From right, up, backwards to right, down, forwards."""


def read_qualisys(path: Path, unit: Literal["mm", "m"] = "mm") -> tuple[Camera, ...]:
    """The video cameras of a file, in the order of their names. unit: of their positions, which Qualisys writes in
    millimetres. Raises InputError that names camera and attribute."""
    elements = _parse(path).findall("./cameras/camera")
    if not elements:
        raise InputError(
            f"{path}: holds no cameras; expected <calibration><cameras><camera ...> as Qualisys writes them"
        )
    films = [element for element in elements if _films(element)] or elements
    cameras = [_camera(path, element, place) for place, element in enumerate(films)]
    if len({camera.name for camera in cameras}) < len(cameras):
        raise InputError(f"{path}: two cameras have the same serial; expected one name for each")
    if unit == "m":
        cameras = [replace(camera, T=camera.T * 1000) for camera in cameras]
    return tuple(sorted(cameras, key=lambda camera: natural(camera.name)))


def is_qualisys(path: Path) -> bool:
    """Whether a file has the name of such a calibration."""
    return path.name.lower().endswith(ENDINGS)


def _parse(path: Path) -> ElementTree.Element:
    try:
        data = read_regular(path, MAX_BYTES, "calibrations")
    except FileNotFoundError:
        raise InputError(f"{path}: missing") from None
    if b"<!" in data.replace(b"<!--", b"").replace(b"\0", b""):
        raise InputError(
            f"{path}: declares a document type or entities, which calibrations have no need of; delete <!...>"
        )
    try:
        root = ElementTree.fromstring(data)  # entities were refused, and the size is bounded
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path}: not readable XML ({error})") from None
    if root.tag != "calibration":
        raise InputError(f"{path}: the outermost element is <{root.tag[:40]}>; expected Qualisys' <calibration>")
    return root


def _films(element: ElementTree.Element) -> bool:
    return "video" in element.get("model", "").lower()


def _camera(path: Path, element: ElementTree.Element, place: int) -> Camera:
    name = check_name(path, element.get("serial") or f"{place + 1:02d}")
    inside = {key: _attributes(path, element, name, key) for key in ("intrinsic", "transform", "fov_video")}

    def number(part: str, key: str, default: float | None = None) -> float:
        return _number(path, name, inside[part], key, default)

    left, top, right, bottom = (number("fov_video", key) for key in ("left", "top", "right", "bottom"))
    fu, fv, cu, cv, skew = (
        number("intrinsic", key, default) / UNIT
        for key, default in (
            ("focalLengthU", None),
            ("focalLengthV", None),
            ("centerPointU", None),
            ("centerPointV", None),
            ("skew", 0.0),
        )
    )
    D = [
        number("intrinsic", key, 0.0)
        for key in (
            "radialDistortion1",
            "radialDistortion2",
            "tangentalDistortion1",
            "tangentalDistortion2",
            "radialDistortion3",
        )
    ]
    M = np.array([[number("transform", f"r{row}{column}") for column in (1, 2, 3)] for row in (1, 2, 3)])
    C = np.array([number("transform", key) for key in ("x", "y", "z")]) / 1000
    R = OPENCV_AXES @ M
    K = np.array([[fu, skew, cu - left], [0, fv, cv - top], [0, 0, 1]])
    return make_camera(path, name, K=K, R=R, T=-R @ C, size=(right - left + 1, bottom - top + 1), D=D)


def _attributes(path: Path, camera: ElementTree.Element, name: str, tag: str) -> Mapping[str, str]:
    if (part := camera.find(tag)) is None:
        raise InputError(f"{path}: camera {name!r} lacks <{tag}>; export the calibration of video cameras again")
    return part.attrib


def _number(path: Path, name: str, attributes: Mapping[str, str], key: str, default: float | None) -> float:
    text = attributes.get(key)
    if text is None and default is not None:
        return default
    try:
        value = float(text or "")
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        found = "is missing" if text is None else f"is {text[:40]!r}"
        raise InputError(f"{path}: camera {name!r}: {key} {found}; expected a finite number")
    return value
