"""Time in the page: playing, scrubbing, steps, speed, repeating."""

from __future__ import annotations

import pytest

from tests.browser import Page, needs_browser

pytestmark = needs_browser


def place(page: Page, selector: str, share: float) -> tuple[float, float]:
    """A point of a line in the window."""
    left, top, width, height = page.rect(selector)
    return left + 8 + share * (width - 16), top + height / 2


def test_space_plays_and_pauses(wide: Page) -> None:
    wide.press(" ")
    wide.until("state().frame > 3")
    assert wide.evaluate("engine.requested.at(-1).moving")
    assert wide.evaluate("document.querySelector('.play').getAttribute('aria-label')") == "Pause"
    wide.press(" ")
    wide.settle()
    frame = wide.evaluate("state().frame")
    wide.until("!engine.requested.at(-1).moving")
    assert wide.evaluate("[state().frame, engine.requested.at(-1).frame]") == [frame, frame]


def test_it_plays_in_time(wide: Page) -> None:
    due = wide.evaluate("play(61)")
    assert due == [pytest.approx(24 * k / 60, abs=1) for k in range(61)], "24 frames in 60 pictures of the screen"
    assert wide.evaluate("(stage.store.set({ frame: 0, speed: 0.25 }), play(61))")[-1] in (5, 6)


def test_every_frame_is_kept_if_that_is_wanted(wide: Page) -> None:
    """96 frames a second are due on a screen of 60 pictures a second."""
    wide.evaluate("(stage.store.set({ keep: 'frames', speed: 4 }), play(21))")
    shown = wide.evaluate("engine.shown.filter((frame, k, all) => frame !== all[k - 1])")
    assert shown == list(range(shown[0], shown[-1] + 1))
    assert len(shown) > 8
    wide.evaluate("reset()")
    due = wide.evaluate("(stage.store.set({ speed: 4 }), play(21))")
    assert due[-1] in (31, 32), "in time, some are left out"


def test_an_engine_that_decodes_slower_than_time_runs_shows_pictures_nevertheless(wide: Page) -> None:
    wide.evaluate("engine.wishes.decode = 100")
    wide.press(" ")
    shown = wide.until("engine.shown.length > 3 && engine.shown")
    wide.evaluate("engine.wishes.decode = 0")
    assert shown == sorted(shown)


def test_it_repeats_or_ends(wide: Page) -> None:
    wide.evaluate("stage.store.set({ frame: 45, speed: 4 })")
    wide.press(" ")
    wide.until("state().frame < 20")
    assert wide.evaluate("state().playing")
    wide.click('[aria-label="Repeat"]')
    wide.until("!state().playing")
    assert wide.evaluate("state().frame") == 47
    wide.evaluate("engine.shown = []")
    wide.press(" ")
    assert wide.until("engine.shown[0]?.toString()") != "47", "once more from the beginning"


def test_steps_and_speeds(wide: Page) -> None:
    wide.press(".")
    wide.press(".")
    assert wide.evaluate("state().frame") == 2
    wide.click('[aria-label="One frame back"]')
    assert wide.evaluate("state().frame") == 1
    for _ in range(2):
        wide.press(",")
    assert wide.evaluate("state().frame") == 47, "it repeats"
    wide.press("]")
    assert wide.evaluate("state().speed") == 1.5
    wide.press("[")
    wide.press("[")
    wide.settle()
    assert wide.evaluate("[state().speed, document.querySelector('[aria-label=Speed]').value]") == [0.5, "0.5"]
    wide.fill("[aria-label=Speed]", 2)
    assert wide.evaluate("state().speed") == 2


def test_scrubbing_shows_the_nearest_ready_frame_at_once_and_then_the_right_one(wide: Page) -> None:
    wide.evaluate("engine.load([[0, 30]])")
    wide.mouse("mousePressed", *place(wide, ".clip-line", 0.2))
    wide.settle()
    frame = wide.evaluate("state().frame")
    assert frame == round(0.2 * 47)
    wide.mouse("mouseMoved", *place(wide, ".clip-line", 40 / 47))
    wide.until("engine.shown.at(-1) === 40")
    shown = wide.evaluate("engine.shown")
    assert shown[shown.index(frame) + 1 :] == [29, 40]
    assert wide.evaluate("document.querySelector('.bubble').textContent") == "40"
    wide.mouse("mouseReleased", *place(wide, ".clip-line", 40 / 47))
    wide.until("!engine.requested.at(-1).moving")
    assert wide.evaluate("engine.requested.at(-1).frame") == 40


def test_scrubbing_goes_on_playing_if_it_played(wide: Page) -> None:
    wide.press(" ")
    wide.drag(place(wide, ".clip-line", 0.3), place(wide, ".clip-line", 0.5))
    assert wide.evaluate("state().playing")


def test_the_timeline_is_a_slider_and_draws_what_is_ready(wide: Page) -> None:
    wide.evaluate("document.querySelector('.clip-line').focus()")
    for key, frame in (("ArrowRight", 1), ("End", 47), ("ArrowLeft", 46), ("Home", 0)):
        wide.press(key)
        assert wide.evaluate("state().frame") == frame
    wide.settle()
    said = wide.evaluate("document.querySelector('.clip-line').getAttribute('aria-valuetext')")
    assert said == "frame 0 of 48, 0:00.00"
    wide.evaluate("engine.load([[0, 5], [24, 48]])")
    parts = wide.evaluate("[...document.querySelectorAll('.ready i')].map(one => [one.style.left, one.style.width])")
    assert [[float(value.rstrip("%")) for value in part] for part in parts] == [
        pytest.approx([0, 100 * 4 / 47], abs=1e-3), pytest.approx([100 * 24 / 47, 100 * 23 / 47], abs=1e-3),
    ]  # fmt: skip
    wide.evaluate("engine.load([[0, 30]])")
