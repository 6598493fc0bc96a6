"""Masks by themselves: missing, empty, full, inverted, soft, of another size; subjects that the picture cuts off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dymap.capture.check.agreement import EMPTY, FULL, Agreement, is_inverted
from dymap.capture.check.finding import Finding
from dymap.capture.check.silhouettes import pixels_of
from dymap.capture.check.survey import Survey, shares

CUT = 0.05
"""The share of what the others agree on that lies outside of a picture which cuts the subject off, at least."""


def find_missing_masks(survey: Survey) -> Iterator[Finding]:
    """Cameras and frames without masks or pictures: usable, and worth saying."""
    source = survey.source
    if not source.has_masks:
        text = (
            "there are no masks, so that cameras cannot be compared by what they show; dymap capture masks makes them"
        )
        yield Finding(text, False, cause="no-masks")
        return
    for view, camera in enumerate(source.cameras):
        frames = range(len(source.frames))
        absent = sum(not source.present(frame, view) for frame in frames)
        bare = sum(source.present(frame, view) and not source.masked(frame, view) for frame in frames)
        if absent:
            text = f"camera {camera.name!r} lacks {absent} of {len(source.frames)} pictures: those frames are trained "
            text += "without it"
            yield Finding(text, False, camera.name, cause="absent", measures={"count": absent})
        if bare:
            text = (
                f"camera {camera.name!r} has no mask for {bare} of {len(source.frames)} frames: those colour, and do "
            )
            text += "not carve"
            yield Finding(text, False, camera.name, cause="unmasked", measures={"count": bare})


def find_wrong_masks(survey: Survey) -> Iterator[Finding]:
    """Masks that are empty, full or inverted."""
    for view in survey.views:
        masks = {frame: survey.mask(frame, view) for frame in survey.frames}
        share = dict(zip(masks, shares(masks.values()), strict=True))
        empty = [frame for frame, value in share.items() if value <= EMPTY]
        full = [frame for frame, value in share.items() if value >= FULL]
        known = sum(np.isfinite(value) for value in share.values())
        turned = [
            frame for frame, mask in masks.items() if mask is not None and share[frame] < FULL and is_inverted(mask)
        ]
        for cause, frames, words in (
            ("empty-mask", empty, "empty: nobody is seen, or making them failed; a hull of such a frame is empty too"),
            ("full-mask", full, "foreground all over: nothing was cut out"),
            ("inverted-mask", turned, "inverted: foreground is black; invert them"),
        ):
            if frames:
                count = f"all {known} masks" if len(frames) == known else f"{len(frames)} of {known} masks"
                first = survey.number(frames[0])
                text = f"{count} of camera {survey.name(view)!r} that were looked at (frame {first} first) are {words}"
                number = first if len(frames) < known else None
                measures = {"count": len(frames), "share": float(share[frames[0]])}
                yield Finding(text, False, survey.name(view), number, cause=cause, gross=True, measures=measures)


def find_cut_subjects(survey: Survey, agreement: Agreement) -> Iterator[Finding]:
    """Cameras whose picture ends before the subject does."""
    for view in agreement.trusted:
        camera, cut, side = survey.cameras[view].undistorted(), [], ""
        for place in range(len(agreement.frames)):
            points = agreement.hull_without(place, (view,))
            if len(points) < 8:
                continue
            column, row, depth = pixels_of(camera, points)
            beyond = {
                "left": column < 0,
                "right": column >= camera.width,
                "top": row < 0,
                "bottom": row >= camera.height,
            }
            outside = np.logical_or.reduce(list(beyond.values())) & (depth > 0)
            cut.append(float(outside.mean()))
            side = max(beyond, key=lambda name: int(beyond[name].sum()))
        if cut and (share := float(np.median(cut))) > CUT:
            text = (
                f"camera {survey.name(view)!r} cuts off {share:.0%} of the subject at the {side} of its picture: it "
                "colours less; masks and hull beyond are the other cameras'"
            )
            yield Finding(text, False, survey.name(view), cause="cut-off", measures={"share": share})
