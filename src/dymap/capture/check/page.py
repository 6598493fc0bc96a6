"""The page of a check: findings in words, the rig in 3D, pictures with hull and mask, and the curves of agreement.

One HTML file that needs nothing else: pictures are inside it, the rig is drawn by a few lines of script.
"""

from __future__ import annotations

import base64
import json
from html import escape
from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.agreement import Agreement
from dymap.capture.check.examine import Report
from dymap.capture.check.finding import Finding
from dymap.capture.check.silhouettes import silhouette
from dymap.capture.check.survey import Survey, ideal_mask
from dymap.geometry.box import box_corners, box_of_points, projected_box_mask
from dymap.geometry.camera import Camera
from dymap.geometry.lens import undistort
from dymap.pictures import png_bytes, to_bytes

Pixels = NDArray[np.uint8]

MOST = 48
"""Cameras whose pictures are shown, those with findings first."""
LARGER = 2
"""Pictures are drawn so many times as large as they were compared."""
MASK, HULL, BOX = (255, 140, 0), (0, 200, 255), (120, 255, 120)


def page_of(report: Report) -> str:
    """The page, as HTML. Words of the capture's files are escaped."""
    survey = report.survey
    parts = {
        "TITLE": escape(f"Check of {survey.source.root.name}"),
        "SUMMARY": escape(summary(report)),
        "FINDINGS": "".join(_finding(finding) for finding in report.findings) or "<li>Nothing was found.</li>",
        "RIG": json.dumps(rig(report)).replace("<", "\\u003c"),
        "PICTURES": "".join(_pictures(report)),
        "CURVES": "" if report.agreement is None else "".join(_curves(survey, report.agreement)),
    }
    text = resources.files("dymap.capture.check").joinpath("page.html").read_text(encoding="utf-8")
    for name, value in parts.items():
        text = text.replace(f"@{name}@", value)
    return text


def summary(report: Report) -> str:
    """One sentence on what was looked at and what was found."""
    source, frames = report.survey.source, report.survey.frames
    found = len(report.findings)
    words = "nothing was found" if not found else f"{len(report.gross)} of {found} findings are gross"
    return f"{len(source.cameras)} cameras, {len(frames)} of {len(source.frames)} frames looked at: {words}."


def rig(report: Report) -> dict[str, object]:
    """What the script draws: each camera's pyramid [5, 3], its name, whether it is wrong; and the box [8, 3]."""
    survey, wrong = report.survey, {finding.camera for finding in report.gross}
    box = box_at(report, 0)
    centre = box.mean(axis=0) if box is not None else np.mean([c.position for c in survey.cameras], axis=0)
    depths = [float(np.linalg.norm(camera.position - centre)) for camera in survey.cameras]
    length = 0.25 * float(np.median(depths))
    cameras = [
        {"name": camera.name, "wrong": camera.name in wrong, "points": _pyramid(camera, length).round(4).tolist()}
        for camera in survey.cameras
    ]
    corners = [] if box is None else box_corners(box).round(4).tolist()
    return {"cameras": cameras, "box": corners, "centre": centre.tolist(), "reach": float(np.median(depths))}


def box_at(report: Report, place: int) -> NDArray[np.float32] | None:
    """[2, 3] around what the cameras agree on at the frame of a place; None: they agree on nothing."""
    if report.agreement is None or not report.agreement.hulls:
        return None
    points = report.agreement.hull_without(place, ())
    return box_of_points(points, 0.0) if len(points) else None


def _pyramid(camera: Camera, length: float) -> NDArray[np.float64]:
    """[5, 3] the camera's position and the corners of its picture at a depth, world."""
    corners = [[-0.5, -0.5, 1], [camera.width - 0.5, -0.5, 1]]
    corners += [[camera.width - 0.5, camera.height - 0.5, 1], [-0.5, camera.height - 0.5, 1]]
    rays = np.array(corners) @ np.linalg.inv(camera.K).T * length
    return np.concatenate([camera.position[None], (rays - camera.T) @ camera.R])


def _finding(finding: Finding) -> str:
    kind = "gross" if finding.gross else "slight"
    return f'<li class="{kind}">{escape(finding.text)}</li>'


def _pictures(report: Report) -> list[str]:
    """A figure a camera: its picture, the outlines of its mask, of the others' hull and of the box."""
    survey, named = report.survey, {finding.camera: finding.frame for finding in reversed(report.findings)}
    views = sorted(survey.views, key=lambda view: survey.name(view) not in named)[:MOST]
    figures = []
    for view in views:
        places = list(range(len(survey.frames)))
        wanted = named.get(survey.name(view))
        frame = next((f for f in survey.frames if survey.number(f) == wanted), survey.frames[len(places) // 2])
        if (picture := drawn(report, frame, view)) is None:
            continue
        data = base64.b64encode(png_bytes(picture)).decode()
        words = escape(f"{survey.name(view)}, frame {survey.number(frame)}")
        wrong = "gross" if survey.name(view) in {f.camera for f in report.gross} else ""
        image = f'<img src="data:image/png;base64,{data}" alt="">'
        figures.append(f'<figure class="{wrong}">{image}<figcaption>{words}</figcaption></figure>')
    return figures


def drawn(report: Report, frame: int, view: int) -> Pixels | None:
    """[h, w, 3] a picture (ideal lens) with outlines of its mask, the others' hull and the box; None without one."""
    survey = report.survey
    if (picture := survey.picture(frame, view)) is None:
        return None
    camera, ideal = survey.cameras[view], survey.cameras[view].undistorted()
    if camera.distorted:
        picture = to_bytes(undistort(picture.astype(np.float32) / np.float32(255), camera.K, camera.D, camera.lens))
    size = (camera.width * LARGER, camera.height * LARGER)
    image = np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    if (mask := survey.mask(frame, view)) is not None:
        _outline(image, ideal_mask(mask, camera) == 1, MASK)
    agreement = report.agreement
    if agreement is not None and frame in agreement.frames:
        place = agreement.frames.index(frame)
        points = agreement.hull_without(place, (view,))
        if len(points):
            _outline(image, silhouette(ideal, points, agreement.hulls[place].spacing), HULL)
        box = box_at(report, place)
        if box is not None and ((box_corners(box) @ ideal.R.T + ideal.T)[:, 2] > 0).all():
            _outline(image, projected_box_mask(box, ideal) != 0, BOX)
    return image


def _outline(image: Pixels, shape: NDArray[np.bool_], colour: tuple[int, int, int]) -> None:
    large = cv2.resize(shape.astype(np.uint8), image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    lines, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(image, lines, -1, colour, 1)


def _curves(survey: Survey, agreement: Agreement) -> list[str]:
    """A row a camera: what it misses of the others' hull and what lies beyond it, over time, from 0 to 100 %."""
    rows = []
    for view in survey.views:
        lines = "".join(
            f'<polyline class="{kind}" points="{_points(values[:, view])}"/>'
            for kind, values in (("missed", agreement.missed), ("beyond", agreement.beyond))
        )
        name = escape(survey.name(view))
        graph = f'<svg viewBox="0 0 300 40" preserveAspectRatio="none">{lines}</svg>'
        rows.append(f"<tr><td>{name}</td><td>{graph}</td></tr>")
    return rows


def _points(values: NDArray[np.float64]) -> str:
    last = max(len(values) - 1, 1)
    return " ".join(f"{300 * i / last:.1f},{40 - 40 * v:.1f}" for i, v in enumerate(values) if np.isfinite(v))
