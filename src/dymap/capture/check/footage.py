"""Pictures by themselves: unreadable, dark, filler, frozen, of another camera; and how bright each camera is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.finding import Finding
from dymap.capture.check.survey import Survey

DARK = 0.25
"""A picture of less than this share of its camera's median brightness is dark."""
FLAT = 2.0
"""Values by which the pixels of a filler frame differ, at most (standard deviation)."""
STOPS = 0.4
"""Stops by which a camera is brighter or darker than the others, from which it is told."""
TINT = 0.15
"""By how much a channel differs from the others against the other cameras, from which it is told."""


def find_unreadable(survey: Survey) -> Iterator[Finding]:
    """Files that cannot be read or have another size."""
    for (frame, view), text in survey.faults.items():
        yield Finding(text, False, survey.name(view), survey.number(frame), cause="unreadable", gross=True)


def find_filler(survey: Survey) -> Iterator[Finding]:
    """Dark pictures, pictures of one colour, pictures that repeat, and pictures that two cameras share."""
    for view in survey.views:
        pictures = {frame: p for frame in survey.frames if (p := survey.picture(frame, view)) is not None}
        light = {frame: float(picture.mean()) for frame, picture in pictures.items()}
        usual = float(np.median(list(light.values()))) if light else 0.0
        for frame, picture in pictures.items():
            name, number = survey.name(view), survey.number(frame)
            if float(picture.std()) < FLAT:
                text = f"the picture of camera {name!r} at frame {number} is one colour: a filler; leave it out"
                yield Finding(text, False, name, number, cause="filler", gross=True, measures={"light": light[frame]})
            elif light[frame] < DARK * usual:
                text = f"the picture of camera {name!r} at frame {number} is dark: {light[frame]:.0f} where "
                text += f"{usual:.0f} is usual; leave it out"
                yield Finding(text, False, name, number, cause="dark", gross=True, measures={"light": light[frame]})
        for before, frame in _neighbours(survey):
            one, two = survey.picture(before, view), survey.picture(frame, view)
            if one is not None and two is not None and _same(one, two) and _others_move(survey, before, frame, view):
                number = survey.number(frame)
                text = f"camera {survey.name(view)!r} shows the same picture at frames {survey.number(before)} and "
                text += f"{number}, while others move: it dropped a frame; leave one out"
                yield Finding(text, False, survey.name(view), number, cause="frozen", gross=True)
    for view in survey.views:
        for other in range(view):
            if _same_camera(survey, view, other):
                text = (
                    f"cameras {survey.name(other)!r} and {survey.name(view)!r} have the same pictures: one of them was "
                )
                text += "copied; give it its own, or leave it out"
                yield Finding(text, False, survey.name(view), cause="duplicate", gross=True)


def find_exposures(survey: Survey) -> Iterator[Finding]:
    """Cameras that are brighter, darker or of another tint than the others, inside the masks."""
    colours = np.array([_colour(survey, view) for view in survey.views])  # [V, 3] log2
    if np.isfinite(colours[:, 0]).sum() < 3:
        return
    # Each camera sees its own side of the subject: only what is far from all the others counts.
    middle = np.nanmedian(colours, axis=0)
    spread = 1.4826 * np.nanmedian(np.abs(colours - middle), axis=0)
    for view in survey.views:
        off = colours[view] - middle
        stops = float(off.mean())
        tint = off - stops
        name = survey.name(view)
        if abs(stops) > max(STOPS, 5 * float(spread.mean())):
            way = "brighter" if stops > 0 else "darker"
            text = (
                f"camera {name!r} is {abs(stops):.1f} stops {way} than the others inside the masks; set its exposure, "
            )
            text += "or match colours: --colour-match"
            yield Finding(text, False, name, cause="exposure", measures={"stops": stops})
        elif np.abs(tint).max() > max(np.log2(1 + TINT), 5 * float(spread.max())):
            channel = ("red", "green", "blue")[int(np.abs(tint).argmax())]
            much = 2 ** float(tint[np.abs(tint).argmax()])
            text = f"camera {name!r} shows {much:.2f} times as much {channel} as the others inside the masks; set its "
            text += "white balance, or match colours: --colour-match"
            yield Finding(text, False, name, cause="tint", measures={"ratio": much})


def _colour(survey: Survey, view: int) -> NDArray[np.float64]:
    """[3] the mean linear colour inside the masks, log2; nan without any."""
    found = []
    for frame in survey.spread:
        picture, mask = survey.picture(frame, view), survey.mask(frame, view)
        if picture is not None and mask is not None and (mask == 1).sum() > 30:
            linear = (picture[mask == 1].astype(np.float64) / 255) ** 2.2
            found.append(np.log2(np.maximum(linear.mean(axis=0), 1e-4)))
    return np.median(found, axis=0) if found else np.full(3, np.nan)


def _neighbours(survey: Survey) -> list[tuple[int, int]]:
    """Frame positions whose pictures are compared: neighbours among those that are looked at."""
    return list(zip(survey.frames, survey.frames[1:], strict=False))


def _same(one: NDArray[np.uint8], two: NDArray[np.uint8]) -> bool:
    return one.shape == two.shape and np.array_equal(one, two) and float(one.std()) >= FLAT


def _others_move(survey: Survey, before: int, frame: int, view: int) -> bool:
    """Whether most other cameras show another picture at the second frame."""
    moved = []
    for other in survey.views:
        one, two = survey.picture(before, other), survey.picture(frame, other)
        if other != view and one is not None and two is not None:
            moved.append(not _same(one, two))
    return 2 * sum(moved) > len(moved)


def _same_camera(survey: Survey, view: int, other: int) -> bool:
    """Whether two cameras have the same pictures wherever both have one."""
    pairs = [(survey.picture(frame, view), survey.picture(frame, other)) for frame in survey.spread]
    known = [(one, two) for one, two in pairs if one is not None and two is not None]
    return bool(known) and all(_same(one, two) for one, two in known)
