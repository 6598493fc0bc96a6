"""Examining a capture: everything that the checks say of it, and the numbers that they say it from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dymap.capture.check.agreement import Agreement, agree
from dymap.capture.check.cameras import find_wrong_cameras
from dymap.capture.check.diagnosis import trust
from dymap.capture.check.files import find_wrong_rows
from dymap.capture.check.finding import Finding
from dymap.capture.check.footage import find_exposures, find_filler, find_unreadable
from dymap.capture.check.foreground import find_cut_subjects, find_missing_masks, find_wrong_masks
from dymap.capture.check.moments import find_wrong_moments
from dymap.capture.check.rig import find_wrong_rig, is_lost
from dymap.capture.check.scale import find_principal_points, find_scattered_axes, find_wrong_scale
from dymap.capture.check.survey import Survey
from dymap.capture.check.timing import find_late_cameras
from dymap.capture.source import Source

SMALLEST = 250
"""Foreground pixels of the typical mask, from which on silhouettes tell anything about cameras."""

FEW = 6
"""Cameras that agree, from which on what their hull has beyond a picture is the subject's."""


@dataclass(frozen=True, eq=False)
class Report:
    """findings: the gross ones first. agreement: None if there are too few masks to compare."""

    survey: Survey
    findings: tuple[Finding, ...]
    agreement: Agreement | None

    @property
    def gross(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.gross)


def examine(source: Source, survey: Survey | None = None) -> Report:
    """All that is wrong with a capture. Reads a bounded number of its pictures (survey.py)."""
    survey = survey or Survey(source).gather()
    found = [*find_wrong_rows(source), *find_unreadable(survey), *find_wrong_masks(survey), *find_missing_masks(survey)]
    found += find_filler(survey)
    told = {(finding.camera, finding.frame) for finding in found if finding.gross}
    agreement, lost = None, False
    if source.has_masks and len(survey.cameras) >= 3 and not _is_tiny(survey):
        agreement = trust(survey, survey.spread)
        if agreement.known:
            lost = is_lost(agreement)
            among = _of_rig(survey, agreement) if lost else list(_of_cameras(survey, agreement))
            found += [one for one in among if not _known(one, told)]
            if not lost:
                agreement = agree(
                    survey.cameras, survey.mask, survey.frames, agreement.trusted, agreement.tolerance, agreement.volume
                )
                among = [*find_late_cameras(survey, agreement), *find_wrong_moments(survey, agreement)]
                found += [one for one in among if not _known(one, told)]
        else:
            agreement = None
    if agreement is None:
        found += find_scattered_axes(survey)
    named = {finding.camera for finding in found if finding.gross}
    found += [one for one in find_principal_points(survey) if one.camera not in named and not lost]
    if not lost:
        found += [one for one in find_exposures(survey) if one.camera not in named]
    order = sorted(found, key=lambda finding: not finding.gross)
    return Report(survey, tuple(order), agreement)


def examine_in_short(source: Source, count: int = 4) -> list[Finding]:
    """The gross findings about cameras and masks of a few frames: seconds, before a training."""
    total = len(source.frames)
    frames = sorted({round(place) for place in np.linspace(0, total - 1, min(count, total))})
    survey = Survey(source, frames)
    if not source.has_masks or len(survey.cameras) < 3 or _is_tiny(survey):
        return []
    found = list(find_wrong_masks(survey))
    told = {(finding.camera, finding.frame) for finding in found if finding.gross}
    agreement = trust(survey, survey.frames)
    if agreement.known:
        among = _of_rig(survey, agreement) if is_lost(agreement) else list(find_wrong_cameras(survey, agreement))
        found += [one for one in among if not _known(one, told)]
    return [finding for finding in found if finding.gross]


def _of_rig(survey: Survey, agreement: Agreement) -> list[Finding]:
    """What is wrong with all cameras; if nothing known is, with those that stand out for a reason that is known."""
    of_all = list(find_wrong_rig(survey, agreement))
    if all(finding.cause != "unknown" for finding in of_all):
        return of_all
    of_some = [finding for finding in find_wrong_cameras(survey, agreement) if finding.cause != "unknown"]
    return of_some or of_all


def _of_cameras(survey: Survey, agreement: Agreement) -> Iterator[Finding]:
    yield from find_wrong_cameras(survey, agreement)
    yield from find_wrong_scale(survey, agreement)
    if len(agreement.trusted) >= FEW:  # the hull of fewer others reaches beyond the subject
        yield from find_cut_subjects(survey, agreement)


def _known(finding: Finding, told: set[tuple[str | None, int | None]]) -> bool:
    """Whether a plainer finding about the same camera explains it."""
    return finding.camera is not None and (
        (finding.camera, None) in told or (finding.frame is not None and (finding.camera, finding.frame) in told)
    )


def _is_tiny(survey: Survey) -> bool:
    """Whether what was filmed covers too few pixels for its outlines to say anything."""
    masks = (survey.mask(frame, view) for frame in survey.frames[:2] for view in survey.views)
    areas = [int((mask > 0).sum()) for mask in masks if mask is not None and mask.any()]
    return bool(areas) and float(np.median(areas)) < SMALLEST
