"""Moments that do not fit: pictures of single frames that belong to another camera or another time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.agreement import Agreement
from dymap.capture.check.diagnosis import SAME
from dymap.capture.check.finding import Finding
from dymap.capture.check.silhouettes import Floats, fit
from dymap.capture.check.survey import Survey
from dymap.geometry.camera import Camera

WORSE = 0.15
"""A picture whose misses exceed its camera's usual ones by more, and by FAR deviations, does not fit."""
FAR = 8.0
JUMPS = (-1, 1, -2, 2, -3, 3, -4, 4, -6, 6, -8, 8)


def find_wrong_moments(survey: Survey, agreement: Agreement) -> Iterator[Finding]:
    """Single pictures that do not fit although their camera does."""
    places: dict[int, list[int]] = {}
    for view in agreement.trusted:
        excess = _above_median(agreement.missed[:, view]) + _above_median(agreement.beyond[:, view])
        known = excess[np.isfinite(excess)]
        deviation = 1.4826 * float(np.median(np.abs(known - np.median(known)))) if len(known) else 0.0
        for found in np.flatnonzero(excess > max(WORSE, FAR * deviation)):
            places.setdefault(int(found), []).append(view)
    for place, views in places.items():
        for view in views:
            # Wrong pictures cut the hull for right ones: each is compared again, without all that are in doubt.
            left = excess_of(agreement, place, view, agreement.hull_without(place, views))
            if left > WORSE:
                yield moment(survey, agreement, place, view, left, views)


def excess_of(agreement: Agreement, place: int, view: int, points: Floats, camera: Camera | None = None) -> float:
    """By how much the mask of a view at a place fits points worse than the view's masks usually fit."""
    mask = agreement.mask(agreement.frames[place], view)
    assert mask is not None
    found = fit(camera or agreement.cameras[view], mask, points, agreement.hulls[place].spacing)
    usual = [float(np.nanmedian(values[:, view])) for values in (agreement.missed, agreement.beyond)]
    return max(found.missed - usual[0], 0.0) + max(found.beyond - usual[1], 0.0)


def _above_median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[S] by how much each number exceeds their median; nan stays nan."""
    usual = np.nanmedian(values) if np.isfinite(values).any() else np.nan
    return np.maximum(values - usual, 0.0)


def moment(
    survey: Survey, agreement: Agreement, place: int, view: int, excess: float, doubtful: Sequence[int]
) -> Finding:
    """What is wrong with the picture of one camera at one frame. doubtful: the views that do not fit there."""
    frame = agreement.frames[place]
    usual = [float(np.nanmedian(values[:, view])) for values in (agreement.missed, agreement.beyond)]
    tried: list[tuple[float, str, str]] = []
    size = (survey.cameras[view].width, survey.cameras[view].height)
    for other in survey.views:
        camera = survey.cameras[other]
        if other != view and (camera.width, camera.height) == size:
            words = f"it is the picture of camera {survey.name(other)!r}: the rows of files change their order there"
            points = agreement.hull_without(place, (*doubtful, other))
            tried.append((excess_of(agreement, place, view, points, camera), "row-order", words))
    for jump in JUMPS:
        at = next((p for p, f in enumerate(agreement.frames) if f == frame + jump), None)
        if at is not None:
            words = f"it shows frame {survey.number(frame + jump)}: its files were numbered wrongly, or frames dropped"
            points = agreement.hull_without(at, (view,))
            tried.append((excess_of(agreement, place, view, points), "frame-jump", words))
    start = f"camera {survey.name(view)!r} does not agree with the others at frame {survey.number(frame)} "
    missed, beyond = float(agreement.missed[place, view]), float(agreement.beyond[place, view])
    start += f"(its mask misses {missed:.0%} of what they show, {beyond:.0%} of it lies outside; {usual[0]:.0%} and "
    start += f"{usual[1]:.0%} are usual)"
    best = min(tried, default=(1.0, "", ""))[0]
    measures = {"missed": missed, "beyond": beyond, "excess": excess, "mended": best}
    name, number = survey.name(view), survey.number(frame)
    if best < max(0.3 * excess, 0.03):
        _, cause, words = next(one for one in tried if one[0] <= best + SAME)
        text = f"{start}; {words}: mend the order of its files"
        return Finding(text, False, name, number, cause=cause, gross=True, measures=measures)
    text = f"{start}; its mask is wrong there, or it shows another moment: look at it, or leave it out"
    return Finding(text, False, name, number, cause="moment", gross=excess > 0.3, measures=measures)
