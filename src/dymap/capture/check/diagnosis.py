"""Diagnosis: which cameras do not agree with the rest, and which hypothesis makes each of them agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.agreement import Agreement, agree, by_camera, is_telling
from dymap.capture.check.hypotheses import (
    PICTURES,
    POSES,
    Hypothesis,
    other_lens,
    scaled_focal,
    scaled_K,
    shifted_centre,
    size,
    sizes,
    swapped_centre,
    units,
)
from dymap.capture.check.silhouettes import Fit, Floats, fit, rig_volume, silhouette
from dymap.capture.check.survey import Survey, ideal_mask
from dymap.geometry.camera import Camera

Array = NDArray[np.float64]

BEYOND, MISSED = 0.08, 0.15
"""A camera that exceeds the typical one by more in either, and by FAR spreads, is wrong."""
FAR = 6.0
CLOSED = 0.7
"""The share of a wrong camera's excess that the right hypothesis takes away, at least."""
SAME = 0.02
"""Excesses that differ by less cannot be told apart: the simpler hypothesis is taken."""
ALIKE = 0.9
"""Masks whose intersection is more of their union are the same."""
DELAYS = (-1, 1, -2, 2, -3, 3, -4, 4, -5, 5, -6, 6, -8, 8, -10, 10, -12, 12, -15, 15, -20, 20, -25, 25, -30, 30)
"""Frames by which a camera may be late."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is wrong with a view: its excess (agreement.py), the hypothesis that mends it (None: none does), and the
    excess then.

    other: of swapped pictures, the view whose calibration they fit; copied: which has the same ones. delay: of a late
    camera, frames.
    """

    view: int
    excess: float
    hypothesis: Hypothesis | None
    mended: float
    other: int | None = None
    copied: bool = False
    delay: float = 0.0


def trust(survey: Survey, frames: Sequence[int]) -> Agreement:
    """The agreement of the cameras that agree: those that stand out are left out, first in a coarse hull."""
    found = agree(survey.cameras, survey.mask, frames[::2], volume=rig_volume(survey.cameras).coarser())
    for _ in range(4):
        wrong = set(apart(found))
        trusted = [view for view in survey.views if view not in wrong and np.isfinite(found.missed[:, view]).any()]
        if len(trusted) < 3:
            break
        tolerance = 0 if len(trusted) <= 5 else 1
        if tuple(trusted) == found.trusted and tuple(frames) == found.frames:
            break
        found = agree(survey.cameras, survey.mask, frames, trusted, tolerance)
    return found


def apart(agreement: Agreement) -> list[int]:
    """The views that stand out."""
    limits = [
        usual + max(least, FAR * spread)
        for usual, spread, least in zip(agreement.typical, agreement.spread, (MISSED, BEYOND), strict=True)
    ]
    missed, beyond = by_camera(agreement.missed), by_camera(agreement.beyond)
    return [view for view in range(len(missed)) if missed[view] > limits[0] or beyond[view] > limits[1]]


def diagnose(survey: Survey, agreement: Agreement, view: int) -> Verdict:
    """What is wrong with a view that stands out."""
    bench = Bench(survey, agreement, view)
    now = bench.score(bench.camera)
    found: list[Verdict] = []

    def test(hypothesis: Hypothesis) -> float:
        excess = bench.try_out(hypothesis)
        found.append(Verdict(view, now, hypothesis, excess))
        return excess

    for other in survey.views:
        if other != view:
            copied = bench.is_copy(other)
            excess = bench.score_as(other)
            if other in agreement.trusted and not copied:  # it seems right, and is wrong only together with this one
                excess = max(excess, Bench(survey, agreement, other).score_as(view))
            found.append(Verdict(view, now, swapped(survey, other), excess, other=other, copied=copied))
    for hypothesis in (*POSES, *PICTURES, *units()):
        test(hypothesis)
    full = survey.source.cameras[view]
    for hypothesis in sizes(full):
        test(hypothesis)
    best = min((v for v in found if v.hypothesis and v.hypothesis.cause == "resolution"), key=lambda v: v.mended)
    for factor in bench.refine(best):
        test(size(full, factor))
    test(Hypothesis("centre", "cx and cy are exchanged", "exchange them in K", swapped_centre))
    test(bench.shift())
    test(bench.focal())
    for lens in (other_lens(0, 0, 0, 0, 0), lambda camera: replace(camera, D=-camera.D), bench.usual_lens):
        if np.any(full.D):
            words = f"its distortion D = {np.round(full.D, 3).tolist()} does not fit its pictures"
            test(Hypothesis("distortion", words, "calibrate its lens again", lens, certain=False))
    for delay in DELAYS:
        if (left := bench.score_late(delay)) is not None:
            found.append(Verdict(view, now, late(delay), left, delay=delay))
    return choose(found, now)


def choose(found: Sequence[Verdict], now: float) -> Verdict:
    """The simplest of the hypotheses that mend most, if they mend enough. They come from the simplest on."""
    best = min(verdict.mended for verdict in found)
    if best > max((1 - CLOSED) * now, 0.03):
        return Verdict(found[0].view, now, None, now)
    return next(verdict for verdict in found if verdict.mended <= best + SAME)


def swapped(survey: Survey, other: int) -> Hypothesis:
    return Hypothesis(
        "swapped",
        f"its pictures are those of camera {survey.name(other)!r}",
        "give every camera its own pictures",
    )


def late(delay: float) -> Hypothesis:
    way = "late" if delay > 0 else "early"
    return Hypothesis(
        "delay",
        f"it is {abs(delay):g} frame{'s' if abs(delay) != 1 else ''} {way}",
        f"shift its pictures by {abs(delay):g} frame{'s' if abs(delay) != 1 else ''}",
        certain=False,
    )


class Bench:
    """Tries hypotheses about one view on the hull of the others."""

    def __init__(self, survey: Survey, agreement: Agreement, view: int, count: int = 4):
        self.survey, self.agreement, self.view = survey, agreement, view
        self.camera = survey.cameras[view]
        known = [place for place in range(len(agreement.frames)) if np.isfinite(agreement.missed[place, view])]
        self.places = known[:: max(1, len(known) // count)][:count]
        self._hulls: dict[tuple[int, ...], list[Floats]] = {}

    def hulls(self, *others: int) -> list[Floats]:
        """[n, 3] each: the hull of all trusted views but this and others."""
        if others not in self._hulls:
            self._hulls[others] = [self.agreement.hull_without(p, (self.view, *others)) for p in self.places]
        return self._hulls[others]

    def score(self, camera: Camera, hypothesis: Hypothesis | None = None) -> float:
        """The excess if the camera were this one and the pictures as a hypothesis says."""
        fits = []
        for place, points in zip(self.places, self.hulls(), strict=True):
            mask = self.agreement.mask(self.agreement.frames[place], self.view)
            assert mask is not None
            mask = hypothesis.picture(mask) if hypothesis else mask
            fits.append(fit(camera, mask, points, self.agreement.hulls[place].spacing))
        return self._excess(fits)

    def try_out(self, hypothesis: Hypothesis) -> float:
        return self.score(hypothesis.camera(self.camera), hypothesis)

    def score_as(self, other: int) -> float:
        """The excess if the pictures were those of another view's camera."""
        camera = self.survey.cameras[other]
        if (camera.width, camera.height) != (self.camera.width, self.camera.height):
            return 1.0
        fits = []
        for place, points in zip(self.places, self.hulls(other), strict=True):
            mask = self.agreement.mask(self.agreement.frames[place], self.view)
            assert mask is not None
            fits.append(fit(camera, mask, points, self.agreement.hulls[place].spacing))
        return self._excess(fits)

    def is_copy(self, other: int) -> bool:
        """Whether the masks are another view's."""
        alike = []
        for place in self.places:
            frame = self.agreement.frames[place]
            own, its = self.agreement.mask(frame, self.view), self.agreement.mask(frame, other)
            if own is not None and its is not None and own.shape == its.shape:
                alike.append((own & its).sum() > ALIKE * (own | its).sum())
        return bool(alike) and all(alike)

    def _excess(self, fits: Sequence[Fit]) -> float:
        return self.agreement.excess(
            *(float(np.median([getattr(f, key) for f in fits])) for key in ("missed", "beyond"))
        )

    def score_late(self, delay: int) -> float | None:
        """The excess if the pictures of a frame came `delay` frames later; None: too few frames."""
        fits = []
        for place, points in zip(self.places, self.hulls(), strict=True):
            mask = self.survey.mask(self.agreement.frames[place] + delay, self.view)
            if mask is not None and is_telling(mask):
                fits.append(fit(self.camera, mask, points, self.agreement.hulls[place].spacing))
        return self._excess(fits) if 2 * len(fits) > len(self.places) else None

    def refine(self, best: Verdict) -> list[float]:
        """Factors of K about the best one."""
        assert best.hypothesis is not None
        factor = float(best.hypothesis.camera(self.camera).K[0, 0] / self.camera.K[0, 0])
        for step in (0.08, 0.04, 0.02, 0.01):
            tried = {
                f: self.score(scaled_K(f)(self.camera)) for f in (factor * (1 - step), factor, factor * (1 + step))
            }
            factor = min(tried, key=tried.__getitem__)
        return [factor] if abs(factor - 1) > 0.03 else []

    def shift(self) -> Hypothesis:
        """The principal point that brings the hull's silhouette over the masks."""
        camera, right, down, side = self.camera, 0.0, 0.0, max(self.camera.width, self.camera.height)
        for _ in range(4):
            steps = []
            for place, points in zip(self.places, self.hulls(), strict=True):
                mask = self.agreement.mask(self.agreement.frames[place], self.view)
                assert mask is not None
                shown = silhouette(camera.undistorted(), points, self.agreement.hulls[place].spacing)
                own = ideal_mask(mask, self.camera) == 1
                if shown.any() and own.any():
                    steps.append(np.subtract(_middle(own), _middle(shown)))
            if not steps:
                break
            step = np.median(steps, axis=0) / side
            right, down = right + step[0], down + step[1]
            camera = shifted_centre(right, down)(self.camera)
        full = self.survey.source.cameras[self.view]
        pixels = max(full.width, full.height)
        K = shifted_centre(right, down)(full).K
        middle = 0.5 * np.array([full.width, full.height])
        off = np.abs(full.K[:2, 2] - middle).max() > np.abs(K[:2, 2] - middle).max()
        words = f"its principal point (cx, cy) is off by ({-right * pixels:+.1f}, {-down * pixels:+.1f}) pixels"
        if not off:
            words += ", or it was turned after the calibration"
        return Hypothesis(
            "centre",
            words,
            f"cx, cy = {K[0, 2]:.1f}, {K[1, 2]:.1f}, or undo the crop of its pictures",
            shifted_centre(right, down),
            certain=bool(off),
        )

    def focal(self) -> Hypothesis:
        """The focal length that makes the hull's silhouette as large as the masks."""
        factor = 1.0
        for _ in range(4):
            ratios, camera = [], scaled_focal(factor)(self.camera)
            for place, points in zip(self.places, self.hulls(), strict=True):
                mask = self.agreement.mask(self.agreement.frames[place], self.view)
                assert mask is not None
                shown = silhouette(camera.undistorted(), points, self.agreement.hulls[place].spacing)
                if shown.any():
                    ratios.append((ideal_mask(mask, self.camera) == 1).sum() / shown.sum())
            factor = float(np.clip(factor * np.sqrt(np.median(ratios)), 0.05, 20)) if ratios else factor
        full = self.survey.source.cameras[self.view]
        return Hypothesis(
            "focal",
            f"its focal length {full.K[0, 0]:.0f} is {1 / factor:.2f} times what its pictures show",
            f"fx, fy = {full.K[0, 0] * factor:.0f}, {full.K[1, 1] * factor:.0f}, or calibrate it again",
            scaled_focal(factor),
            certain=False,
        )

    def usual_lens(self, camera: Camera) -> Camera:
        """With the lens of the typical trusted camera."""
        trusted = [self.survey.cameras[view] for view in self.agreement.trusted if view != self.view]
        same = [one.D for one in trusted if one.lens == camera.lens and one.D.shape == camera.D.shape]
        return replace(camera, D=np.median(same, axis=0)) if same else camera


def _middle(mask: NDArray[np.bool_]) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.mean()), float(rows.mean())
