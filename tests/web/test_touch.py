"""The page on a phone: every gesture by finger, and where everything is."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser import Page, needs_browser
from tests.web.conftest import PHONE, Stage
from tests.web.test_mouse_and_keys import at_rest, pivot, pose

pytestmark = needs_browser
MIDDLE = (195.0, 400.0)


def swipe(page: Page, *steps: tuple[tuple[float, float], ...]) -> None:
    """Fingers from place to place."""
    page.touch("touchStart", *steps[0])
    for step in steps[1:]:
        page.touch("touchMove", *step)
        page.settle()
    page.touch("touchEnd")
    page.settle()


def tap(page: Page, x: float, y: float) -> None:
    swipe(page, ((x, y),))


def tap_on(page: Page, selector: str) -> None:
    left, top, width, height = page.place(selector)
    tap(page, left + width / 2, top + height / 2)


def test_it_starts_with_the_panel_closed_and_the_whole_subject_in_sight(stage: Stage) -> None:
    page = stage.open(PHONE, phone=True)
    assert page.evaluate("document.querySelector('.panel').hidden")
    far = "[stage.home().pose.distance, state().pose.distance]"
    assert len({round(distance, 9) for distance in page.evaluate(far)}) == 1
    page.evaluate("stage.store.set({ panel: true })")
    page.until("document.querySelector('.model').clientHeight < 500")
    page.settle()
    assert len({round(distance, 9) for distance in page.evaluate(far)}) == 1, "while nobody moves, it stays framed"
    page.evaluate("stage.store.set({ panel: false })")
    page.settle()
    page.settle()
    page.until("!engine.requested.at(-1).moving")
    shown = page.picture().astype(int)
    assert shown.shape[:2] == (2 * PHONE[1], 2 * PHONE[0])
    figure = shown[110:1500, :, 0] - shown[110:1500, :, 2] > 40
    rows, columns = np.nonzero(figure)
    assert np.ptp(rows) > 0.5 * 1390
    assert columns.min() > 20
    assert columns.max() < 2 * PHONE[0] - 20
    width = page.evaluate("document.querySelector('.picture').width")
    assert width == 2 * PHONE[0], "as many pixels as the screen has"
    assert page.complaints == []


def test_one_finger_turns(phone: Page) -> None:
    about, (before, R, distance) = pivot(phone), pose(phone)
    swipe(phone, (MIDDLE,), ((MIDDLE[0] + 40, MIDDLE[1]),), ((MIDDLE[0] + 80, MIDDLE[1] + 10),))
    assert np.allclose(pivot(phone), about, atol=1e-6)
    assert (pose(phone)[0] - before) @ R[0] < -0.05
    assert pose(phone)[2] == pytest.approx(distance)
    at_rest(phone)


def test_two_fingers_shift_zoom_and_twist(phone: Page) -> None:
    (left, right), (x, y) = ((145.0, 400.0), (245.0, 400.0)), MIDDLE
    position, R, distance = pose(phone)
    swipe(phone, (left, right), *[((left[0] - k, y), (right[0] + k, y)) for k in (15, 30, 50)])
    assert pose(phone)[2] == pytest.approx(distance / 2, rel=0.2), "twice as far apart, half as far away"
    assert np.allclose(pose(phone)[1], R)
    phone.evaluate("reset()")
    swipe(phone, (left, right), *[((left[0] + k, y), (right[0] + k, y)) for k in (20, 40, 60)])
    after, turned, _ = pose(phone)
    assert np.allclose(turned, R, atol=1e-9)
    assert (after - position) @ R[0] < -0.05
    phone.evaluate("reset()")
    twist = [tuple((x + 50 * s * np.cos(a), y + 50 * s * np.sin(a)) for s in (-1, 1)) for a in (0.0, 0.2, 0.4, 0.6)]
    swipe(phone, *twist)
    assert pose(phone)[1][0, 2] == pytest.approx(0, abs=1e-9), "the horizon is kept level"
    phone.evaluate("reset(), stage.store.set({ level: false })")
    swipe(phone, *twist)
    roll = np.arctan2(pose(phone)[1][0] @ R[1], pose(phone)[1][0] @ R[0])
    assert -0.7 < roll < -0.3, "the picture follows the fingers"


def test_three_fingers_look_around(phone: Page) -> None:
    """From where the camera is, as dragging with alt does."""
    fingers = [(150.0, 380.0), (200.0, 420.0), (250.0, 380.0)]
    before, R, _ = pose(phone)
    swipe(phone, tuple(fingers), *[tuple((x + k, y - k / 2) for x, y in fingers) for k in (20, 40, 60)])
    after, turned, _ = pose(phone)
    assert np.allclose(after, before, atol=1e-9)
    focal = phone.evaluate("document.querySelector('.model').clientHeight / 2 / Math.tan(state().fov / 2)")
    assert np.arctan2(turned[2] @ R[0], turned[2] @ R[2]) == pytest.approx(-60 / focal, rel=0.3)
    assert turned[0, 2] == pytest.approx(0, abs=1e-9), "the horizon is kept level"
    assert "three fingers" in phone.evaluate("document.querySelector('.help').textContent")


def test_taps_play_scrub_and_choose_cameras(phone: Page) -> None:
    tap_on(phone, ".play")
    phone.until("state().frame > 2")
    tap_on(phone, ".play")
    assert not phone.evaluate("state().playing")
    left, top, width, height = phone.place(".clip-line")
    swipe(phone, ((left + 60, top + height / 2),), ((left + width / 2, top + height / 2),))
    assert abs(phone.evaluate("state().frame") - 23.5) < 1
    phone.evaluate("stage.store.set({ frusta: true })")
    phone.settle()
    phone.settle()
    found = phone.evaluate("stage.outlines.spots.find(({ x, y }) => x > 30 && x < 360 && y > 30)")
    top = phone.evaluate("document.querySelector('.model').getBoundingClientRect().top")
    tap(phone, found["x"] + 6, found["y"] + top - 6)
    at_rest(phone)
    assert phone.evaluate("state().camera") == found["index"]
    start = phone.evaluate("stage.home().pose.position")
    phone.evaluate("stage.store.set({ frusta: false })")
    phone.settle()
    tap(phone, *MIDDLE)
    tap(phone, *MIDDLE)
    at_rest(phone)
    assert np.allclose(pose(phone)[0], start, atol=1e-6), "two taps go back to the start"


def test_the_panel_leaves_the_picture_in_sight(phone: Page) -> None:
    tap_on(phone, '[aria-controls="panel"]')
    phone.settle()
    picture, panel, bar = (
        phone.evaluate(f"(p => [p.top, p.bottom])(document.querySelector('{one}').getBoundingClientRect())")
        for one in (".model", ".panel", ".transport")
    )
    assert picture[1] <= panel[0] + 1
    assert panel[1] <= bar[0] + 1
    assert picture[1] - picture[0] > 250
    for tab in ("cameras", "path", "view"):
        tap_on(phone, f"#tab-{tab}")
        phone.settle()
        assert not phone.evaluate(f"document.querySelector('#page-{tab}').hidden")
    tap_on(phone, ".panel .close")
    phone.settle()
    assert phone.evaluate("document.querySelector('.panel').hidden")


def test_the_divider_follows_a_finger(phone: Page) -> None:
    phone.evaluate("stage.actions.compare('wipe')")
    phone.until("document.querySelector('.truth').dataset.shows && !stage.motion.glide")
    left, top, width, height = phone.rect(".filmed")
    y = top + height / 2
    swipe(phone, ((left + width / 2, y),), ((left + 0.6 * width, y),), ((left + 0.75 * width, y),))
    assert phone.evaluate("state().wipe") == pytest.approx(0.75, abs=0.02)
    assert phone.evaluate("state().compare") == "wipe"


def test_key_views_are_added_and_dragged_by_finger(phone: Page) -> None:
    phone.evaluate("stage.store.set({ panel: true, tab: 'path' })")
    phone.settle()
    for _ in range(3):
        tap_on(phone, ".page-path .accent")
        phone.settle()
    assert phone.evaluate("state().path.keys.length") == 3
    left, top, width, height = phone.place(".mark:nth-child(2)")
    x, y = left + width / 2, top + height / 2
    swipe(phone, ((x, y),), ((x + 20, y),), ((x + 60, y),))
    assert 1.2 < phone.evaluate("state().path.keys[1].at") < 1.8
    tap_on(phone, ".page-path .row .word:nth-child(2)")
    phone.until("state().moment > 0.2 && state().previewing")


@pytest.mark.parametrize("size", [PHONE, (844, 390), (360, 640)])
@pytest.mark.parametrize("panel", [False, True])
def test_neither_numbers_nor_messages_cover_the_picture(stage: Stage, size: tuple[int, int], panel: bool) -> None:
    page = stage.open(size, phone=True)
    page.evaluate(f"stage.store.set({{ overlay: true, panel: {str(panel).lower()} }})")
    page.evaluate("stage.messages.complain('The connection to the machine that draws was lost; trying again')")
    page.settle()
    page.settle()
    _, top, _, height = page.rect(".model")
    assert height > 0.2 * size[1]
    for selector in (".overlay", ".trouble"):
        _, above, _, tall = page.rect(selector)
        assert tall > 10
        assert above >= top + height - 0.5 or above + tall <= top + 0.5, selector
        assert above + tall <= size[1]
    assert page.evaluate("document.documentElement.scrollHeight") == size[1]
    assert "ms" in page.evaluate("document.querySelector('.overlay').innerText")
