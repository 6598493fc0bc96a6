"""Cameras by themselves: the size of what they agree on, principal points, and axes that do not meet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dymap.capture.check.agreement import Agreement
from dymap.capture.check.finding import Finding
from dymap.capture.check.hypotheses import scaled_T
from dymap.capture.check.repair import Repair
from dymap.capture.check.silhouettes import rig_volume
from dymap.capture.check.survey import Survey
from dymap.capture.check.unit import unit_remedy

SMALLEST, LARGEST = 0.05, 20.0
"""Metres that what is filmed measures, at its longest."""
MIDDLE = (0.25, 0.75)
"""Shares of the picture between which a principal point lies."""


def find_wrong_scale(survey: Survey, agreement: Agreement) -> Iterator[Finding]:
    """A subject of a size that nobody films: T is in another unit."""
    sizes = []
    for place in range(len(agreement.frames)):
        points = agreement.hull_without(place, ())
        if len(points) > 8:
            sizes.append(float(np.ptp(points, axis=0).max()))
    if not sizes or SMALLEST <= (tall := float(np.median(sizes))) <= LARGEST:
        return
    wrong = "metres where millimetres are expected" if tall < SMALLEST else "millimetres where metres are expected"
    factor = 1000.0 if tall < SMALLEST else 0.001
    option, remedy = unit_remedy(survey.source, "m" if tall < SMALLEST else "mm")
    text = f"what the cameras agree on measures {tall:.3g} m: T looks like {wrong}; {remedy}"
    repairs = tuple(Repair(view, scaled_T(factor)) for view in survey.views)
    yield Finding(text, False, option=option, cause="unit", gross=True, measures={"metres": tall}, repairs=repairs)


def find_principal_points(survey: Survey) -> Iterator[Finding]:
    """Principal points outside the middle half of the picture: of another resolution, or of a crop."""
    for camera in survey.source.cameras:
        share = camera.K[:2, 2] / np.array([camera.width, camera.height])
        if (share < MIDDLE[0]).any() or (share > MIDDLE[1]).any():
            cx, cy = camera.K[:2, 2]
            text = (
                f"the principal point of camera {camera.name!r} is ({cx:.0f}, {cy:.0f}) in pictures of {camera.width} "
                f"x {camera.height}: K fits {2 * cx:.0f} x {2 * cy:.0f} pixels, or the pictures were cropped; scale K "
                f"by {camera.width / (2 * cx) if cx > 0 else float('nan'):.2f}, or shift cx, cy by the crop"
            )
            yield Finding(text, False, camera.name, cause="centre", gross=True, measures={"cx": cx, "cy": cy})


def find_scattered_axes(survey: Survey) -> Iterator[Finding]:
    """Without masks: cameras that do not look at what most look at, or look away from it."""
    cameras = survey.cameras
    if len(cameras) < 3:
        return
    centre = rig_volume(cameras).centre
    local = np.array([camera.R @ centre + camera.T for camera in cameras])  # [V, 3]
    depth, angle = local[:, 2], np.degrees(np.arctan2(np.linalg.norm(local[:, :2], axis=1), local[:, 2]))
    behind = depth <= 0
    if 2 * behind.sum() > len(cameras):
        text = (
            f"{behind.sum()} of {len(cameras)} cameras look away from the point that their axes meet in: OpenGL's "
            "axes, or R and T camera to world; write OpenCV's, world to camera"
        )
        yield Finding(text, False, cause="opengl", gross=True)
        return
    for view in np.flatnonzero(angle > max(40.0, 4 * float(np.median(angle)))):
        text = (
            f"camera {cameras[view].name!r} looks {angle[view]:.0f} degrees past the point that the others look at "
            f"({np.median(angle):.0f} is usual): inverted, of other axes, or exchanged with another"
        )
        measures = {"degrees": float(angle[view])}
        yield Finding(text, False, cameras[view].name, cause="axis", gross=True, measures=measures)
