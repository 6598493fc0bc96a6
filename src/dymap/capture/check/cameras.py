"""Cameras that do not agree with the rest: wrong, exchanged, mirrored, inverted, late, of another size or unit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.agreement import Agreement
from dymap.capture.check.diagnosis import Verdict, apart, diagnose, swapped
from dymap.capture.check.finding import Finding
from dymap.capture.check.repair import Repair
from dymap.capture.check.survey import Survey


def find_wrong_cameras(survey: Survey, agreement: Agreement) -> Iterator[Finding]:
    """Cameras whose masks are not the silhouettes of what the others show; each with what would mend it."""
    verdicts = {view: diagnose(survey, agreement, view) for view in apart(agreement)}
    for verdict in list(verdicts.values()):
        other = verdict.other
        if other is not None and other not in verdicts and not verdict.copied:
            # Seen from there the mistake is too small to stand out, as the two cameras see much the same.
            verdicts[other] = Verdict(
                other, verdict.excess, swapped(survey, verdict.view), verdict.mended, verdict.view
            )
    for verdict in verdicts.values():
        yield finding(survey, agreement, verdict, verdicts)


def finding(survey: Survey, agreement: Agreement, verdict: Verdict, all_verdicts: dict[int, Verdict]) -> Finding:
    """The words for what is wrong with one camera."""
    view, found = verdict.view, verdict.hypothesis
    missed = _middle(agreement.missed[:, view])
    beyond = _middle(agreement.beyond[:, view])
    usual = agreement.typical
    start = (
        f"camera {survey.name(view)!r} does not agree with the others: its masks miss {missed:.0%} of what they "
        f"show, and {beyond:.0%} of them lie outside ({usual[0]:.0%} and {usual[1]:.0%} are usual)"
    )
    measures = {"missed": missed, "beyond": beyond, "excess": verdict.excess}
    if found is None:
        text = f"{start}; its R, T, K or pictures are wrong in a way that is none of the known: calibrate it again, "
        text += "or leave it out"
        return Finding(text, False, survey.name(view), cause="unknown", gross=True, measures=measures)
    words, remedy, cause, repair = found.words, found.remedy, found.cause, None
    if found.certain:
        repair = Repair(view, found.camera, picture=found.picture)
    if verdict.other is not None and verdict.copied:
        cause, remedy, repair = "duplicate", "give it its own pictures", None
        words = f"its pictures are those of camera {survey.name(verdict.other)!r}, which has them too"
    elif verdict.other is not None:
        owner = next((v.view for v in all_verdicts.values() if v.other == view), None)
        repair = None if owner is None else Repair(view, pictures=owner)
    text = f"{start}; {words} (an excess of {verdict.mended:.2f} remains of {verdict.excess:.2f}): {remedy}"
    return Finding(
        text, False, survey.name(view), cause=cause, gross=True, measures=measures | {"mended": verdict.mended},
        repairs=() if repair is None else (repair,),
    )  # fmt: skip


def _middle(values: NDArray[np.float64]) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0
