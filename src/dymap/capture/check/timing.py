"""Timing: cameras that are late or early against the others, to a fraction of a frame.

Notation: S(f) the silhouette of the hull of the others at frame f as a camera sees it, M(f) its own mask, both as 0 and
1. If the camera is late by d frames, M(f) = S(f - d) = S(f) - d dS/df: the least squares of d over all pixels and
frames of what differs, dS/df = (S(f + 1) - S(f - 1)) / 2. A hull that is too large on all sides cancels, because dS is
positive on the leading edge and negative on the trailing one. For delays of more than a frame, masks are shifted first.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.agreement import Agreement
from dymap.capture.check.finding import Finding
from dymap.capture.check.silhouettes import silhouette
from dymap.capture.check.survey import UNSEEN, Survey, ideal_mask

REACH = 5
"""Frames either way by which masks are shifted."""
LATE = 0.4
"""Frames from which a delay is told, if it is also FAR deviations of the delays of all cameras."""
FAR = 6.0
MOVING = 0.02
"""Of the silhouette's pixels, how many change in a frame if anything can be told."""


def find_late_cameras(survey: Survey, agreement: Agreement) -> Iterator[Finding]:
    """Cameras whose masks fit the hull of another moment better."""
    delays = {view: delay_of(agreement, view) for view in agreement.trusted}
    known = np.array([delay for delay in delays.values() if np.isfinite(delay)])
    if len(known) < 3:
        return
    middle = float(np.median(known))
    deviation = 1.4826 * float(np.median(np.abs(known - middle)))
    for view, delay in delays.items():
        off = delay - middle
        if not np.isfinite(delay) or abs(off) < max(LATE, FAR * deviation):
            continue
        way = "late" if off > 0 else "early"
        text = (
            f"camera {survey.name(view)!r} is {abs(off):.1f} frames {way} against the others ({deviation:.2f} frames "
            f"is how far they differ among themselves); shift its files by {max(1, round(abs(off)))}, or import its "
            "video with --offsets"
        )
        measures = {"delay": off, "deviation": deviation}
        yield Finding(text, False, survey.name(view), cause="delay", gross=abs(off) > 0.75, measures=measures)


def delay_of(agreement: Agreement, view: int) -> float:
    """By how many frames a view is late; nan if nothing can be told."""
    places = {frame: number for number, frame in enumerate(agreement.frames)}
    camera = agreement.cameras[view].undistorted()
    shown: dict[int, NDArray[np.float32]] = {}
    for frame, place in places.items():
        if any(abs(frame - other) == 1 for other in places):
            points = agreement.hull_without(place, (view,))
            shown[frame] = silhouette(camera, points, agreement.hulls[place].spacing).astype(np.float32)
    own = {
        frame: ideal_mask(m, agreement.cameras[view])
        for frame in places
        if (m := agreement.mask(frame, view)) is not None
    }
    middle = [frame for frame in shown if frame - 1 in shown and frame + 1 in shown]
    best: tuple[float, float] | None = None
    for shift in range(-REACH, REACH + 1):
        usable = [frame for frame in middle if frame + shift in own]
        if 2 * len(usable) < len(middle) or len(usable) < 3:
            continue
        top = bottom = left = area = 0.0
        for frame in usable:
            seen = own[frame + shift] != UNSEEN
            change = 0.5 * (shown[frame + 1] - shown[frame - 1])[seen]
            apart = ((own[frame + shift] == 1) - shown[frame])[seen]
            top -= float((apart * change).sum())
            bottom += float((change * change).sum())
            left += float((apart * apart).sum())
            area += float(shown[frame].sum())
        if bottom < MOVING * 0.5 * max(area, 1.0):
            continue
        # What a shift by the rest of the delay leaves unexplained, as a share of the silhouettes.
        rest = top / bottom
        score = (left - min(abs(rest), 0.6) * abs(top)) / max(area, 1.0)
        if abs(rest) < 1.5 and (best is None or score < best[0]):
            best = (score, shift + rest)
    return np.nan if best is None else best[1]
