"""Rigs in which nothing agrees: the same mistake was made with all cameras, or their pictures are in another order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dymap.capture.check.agreement import Agreement, MaskOf, agree
from dymap.capture.check.finding import Finding
from dymap.capture.check.hypotheses import PICTURES, POSES, Hypothesis, sizes
from dymap.capture.check.repair import Repair
from dymap.capture.check.silhouettes import rig_volume
from dymap.capture.check.survey import Survey
from dymap.capture.source import Bytes
from dymap.geometry.camera import Camera

LOST = 0.07
"""If more of the typical camera's masks lies beyond what the others agree on, the cameras do not agree at all."""
GAIN = 0.75
"""The right hypothesis makes the misfit smaller than this share of it."""


@dataclass(frozen=True, eq=False)
class RigVerdict:
    """What is wrong with all cameras. order: for each view, the view whose pictures are its own."""

    hypothesis: Hypothesis
    misfit: float
    order: tuple[int, ...] | None = None


def is_lost(agreement: Agreement) -> bool:
    """Whether the cameras do not agree: most stand out, or none has a hull to be compared with."""
    few = len(agreement.trusted) < max(2, len(agreement.cameras) / 2)
    return few or agreement.typical[1] > LOST or agreement.typical[0] > 0.6


def find_wrong_rig(survey: Survey, agreement: Agreement) -> Iterator[Finding]:
    """What is wrong with a rig that is lost."""
    if not agreement.known:
        return
    now = rig_misfit(survey.cameras, survey.mask, survey.spread[::4])
    verdict = diagnose_rig(survey)
    measures = {"misfit": now}
    start = f"the cameras do not agree with one another (misfit {now:.2f}; 0.3 is usual)"
    if verdict is None or verdict.misfit > GAIN * now:
        text = f"{start}: calibration, masks or the order of the cameras are wrong in a way that is none of the known"
        yield Finding(text, False, cause="unknown", gross=True, measures=measures)
        return
    found = verdict.hypothesis
    repairs: tuple[Repair, ...] = ()
    if verdict.order is not None:
        repairs = tuple(Repair(view, pictures=other) for view, other in enumerate(verdict.order))
    elif found.certain:
        repairs = tuple(Repair(view, found.camera, picture=found.picture) for view in survey.views)
    text = f"{start}; of all cameras: {found.words} (misfit {verdict.misfit:.2f} then): {found.remedy}"
    measures["mended"] = verdict.misfit
    yield Finding(text, False, cause=found.cause, gross=True, measures=measures, repairs=repairs)


def diagnose_rig(survey: Survey) -> RigVerdict | None:
    """The hypothesis about all cameras that makes them agree best."""
    frames, found = survey.spread[::4], []
    for hypothesis in (*POSES, *PICTURES):
        found.append(RigVerdict(hypothesis, misfit_if(survey, hypothesis, frames)))
    full = survey.source.cameras[0]
    scaled = [RigVerdict(h, misfit_if(survey, h, frames[:1])) for h in sizes(full)]
    best = min(scaled, key=lambda verdict: verdict.misfit)
    found.append(RigVerdict(best.hypothesis, misfit_if(survey, best.hypothesis, frames)))
    for order, words in orders(survey):
        hypothesis = Hypothesis("order", words, "give every camera its own pictures")
        misfit = rig_misfit(survey.cameras, _reordered(survey.mask, order), frames)
        found.append(RigVerdict(hypothesis, misfit, order))
    return min(found, key=lambda verdict: verdict.misfit, default=None)


def orders(survey: Survey) -> Iterator[tuple[tuple[int, ...], str]]:
    """Ways in which the order of all pictures is wrong: for each view, the view whose pictures are its own."""
    count = len(survey.views)
    sizes = {(camera.width, camera.height) for camera in survey.cameras}
    if count < 3 or len(sizes) > 1:
        return
    as_text = sorted(survey.views, key=str)
    if as_text != list(survey.views):
        inverse = tuple(as_text.index(view) for view in survey.views)
        yield inverse, "their pictures are in the order of text (1, 10, 11, 2), the calibration in that of numbers"
        yield (
            tuple(as_text),
            "their calibration is in the order of text (1, 10, 11, 2), the pictures in that of numbers",
        )
    yield tuple(reversed(survey.views)), "their pictures are in the opposite order"
    for step in (1, -1):
        order = tuple((view + step) % count for view in survey.views)
        yield order, f"their pictures are shifted by one camera (those of camera {survey.name(0)!r} are camera "\
            f"{survey.name(order.index(0))!r}'s)"  # fmt: skip


def _reordered(mask: MaskOf, order: tuple[int, ...]) -> MaskOf:
    return lambda frame, view: mask(frame, order[view])


def misfit_if(survey: Survey, hypothesis: Hypothesis, frames: Sequence[int]) -> float:
    """The typical misfit if a hypothesis held of all cameras."""
    cameras = [hypothesis.camera(camera) for camera in survey.cameras]

    def mask(frame: int, view: int) -> Bytes | None:
        given = survey.mask(frame, view)
        return None if given is None else hypothesis.picture(given)

    return rig_misfit(cameras, mask, frames)


def rig_misfit(cameras: Sequence[Camera], mask: MaskOf, frames: Sequence[int]) -> float:
    """What the median camera misses and what lies beyond, together, in a coarse hull; 2 if nothing is left of it."""
    found = agree(cameras, mask, frames, tolerance=min(1, len(cameras) // 5), volume=rig_volume(cameras).coarser())
    return sum(found.typical)
