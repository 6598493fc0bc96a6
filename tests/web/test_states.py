"""What the page says: errors, reconnecting, training, a poster; and what it looks like at every size."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.browser import Page, needs_browser
from tests.web.conftest import PHONE, WIDE, Stage

pytestmark = needs_browser
POSTER = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='40' height='40'%3E"
    "%3Crect width='40' height='40' fill='red'/%3E%3C/svg%3E"
)
FILM = "data:video/mp4;base64,"
LONG = "a_name_that_somebody_gave_who_wanted_to_say_everything_at_once_and_then_some_more"
TEXTS = ("title", "author", "licence")
SIZES = [(360, 640), PHONE, (844, 390), (768, 1024), (1024, 600), WIDE, (2560, 1440)]
MISPLACED = """(least => [...document.querySelectorAll('button, select, input, [role=slider]')].flatMap(element => {
  if (!element.checkVisibility() || getComputedStyle(element).opacity === '0') return [];
  const { left, right, top, bottom, width, height } = element.getBoundingClientRect();
  const inHeight = element.closest('.page') || (top >= 0 && bottom <= innerHeight + 0.5);
  const inside = left >= 0 && right <= innerWidth + 0.5 && inHeight;
  const small = element.matches('[type=range], [role=switch]') || element.closest('.keys');
  const large = width >= least && height >= least - 0.5;
  return inside && (small || large) ? [] : [[element.getAttribute('aria-label'), left, top, width, height]];
}))"""
PARTS_OF_WELCOME = """(() => [...document.querySelector('.welcome').children].map(part => {
  const { left, top, right, bottom } = part.getBoundingClientRect();
  return [left, top, right, bottom];
}))"""
NAMELESS = """[...document.querySelectorAll('button, select, input, [role=slider], [role=tab], img')].filter(element =>
  !(element.getAttribute('aria-label') || element.labels?.length || element.innerText?.trim() || element.alt === '')
).map(element => element.outerHTML)"""
FOCUSED = """(element => [element.getAttribute('aria-label') ?? element.innerText?.trim() ?? element.value,
  element === document.body || element.matches(':focus-visible')])(document.activeElement)"""
WRITTEN = """[...document.querySelectorAll('.app *')].flatMap(element => {
  const text = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  if (!text || !element.checkVisibility() || element.closest(':disabled')) return [];
  const numbers = (one, key) => getComputedStyle(one)[key].match(/[0-9.]+/g).map(Number);
  let behind = element;
  while (behind.parentElement && (numbers(behind, 'backgroundColor')[3] ?? 1) < 0.5) behind = behind.parentElement;
  const what = element.className + ' ' + element.textContent;
  return [[what, numbers(element, 'color'), numbers(behind, 'backgroundColor')]];
})"""


def tell(page: Page, kind: str, detail: object = None) -> None:
    page.evaluate(f"engine.dispatchEvent(new CustomEvent('{kind}', {{ detail: {json.dumps(detail)} }}))")


def trouble(page: Page) -> str:
    return page.evaluate("document.querySelector('.trouble.shown')?.innerText ?? ''")


def test_errors_are_messages_that_go_when_pictures_come_again(wide: Page) -> None:
    tell(wide, "error", {"message": "The connection was lost; trying again", "fatal": False})
    assert trouble(wide).strip() == "The connection was lost; trying again"
    assert wide.evaluate("document.querySelector('.trouble').getAttribute('role')") == "alert"
    wide.press(".")
    wide.settle()
    wide.settle()
    assert trouble(wide) == ""
    tell(wide, "error", {"message": "The file is gone", "fatal": False, "lasting": True})
    wide.press(".")
    wide.settle()
    wide.settle()
    assert trouble(wide).strip() == "The file is gone", "pictures still come from memory"
    tell(wide, "clip")
    assert trouble(wide) == ""
    tell(wide, "error", {"message": "<b>The run</b> was deleted", "fatal": True})
    wide.press(".")
    wide.settle()
    assert "<b>The run</b> was deleted" in trouble(wide), "it stays, and nothing in it is markup"
    assert "Try again" in trouble(wide)


def test_going_offline_and_online_is_said_and_pictures_are_asked_for_again(wide: Page) -> None:
    network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    try:
        wide.call("Network.emulateNetworkConditions", offline=True, **network)
        wide.until("document.querySelector('.notice.shown')?.innerText.startsWith('Offline')")
        wide.until("!engine.requested.at(-1).moving")
        count = wide.evaluate("engine.requested.length")
    finally:  # the next tests have the same browser
        wide.call("Network.emulateNetworkConditions", offline=False, **network)
    wide.until(f"engine.requested.length > {count}")
    assert "Online again" in wide.text()


def test_a_clip_that_does_not_open_says_why(stage: Stage) -> None:
    page = stage.open(WIDE, broken="video.dymap: the checksum of segment 1 is wrong")
    assert page.evaluate("window.failed") == "video.dymap: the checksum of segment 1 is wrong"


def test_training_is_shown_and_its_pictures_renew(stage: Stage) -> None:
    page = stage.open(WIDE, clip={"training": True, "step": 1200, "steps": 2750, "loss": 0.01234})
    said = page.evaluate("document.querySelector('.training').textContent")
    assert said == "training · step 1200 of 2750 · loss 0.0123"
    page.until("!engine.requested.at(-1).moving")
    count = page.evaluate("engine.requested.length")
    page.evaluate("engine.clip.step = 1300")
    tell(page, "clip")
    page.until(f"engine.requested.length > {count}")
    assert "step 1300" in page.text()
    page.evaluate(
        "Object.assign(engine.clip, {training: false, ended: 'The training was interrupted at step 1300 of 2750'}), 0"
    )
    tell(page, "clip")
    page.settle()
    assert page.evaluate("document.querySelector('.training').hidden")
    assert "The training was interrupted at step 1300 of 2750" in page.text()


def test_the_poster_is_shown_until_the_first_picture(stage: Stage) -> None:
    page = stage.open(WIDE, clip={"poster": POSTER}, slow=True)
    assert not page.evaluate("document.querySelector('.poster').hidden")
    page.settle()
    red = (page.picture()[60:800, :1100] == (255, 0, 0)).all(axis=-1)
    assert red.mean() > 0.5
    page.evaluate("engine.wishes.slow = false, engine.draw()")
    assert page.evaluate("document.querySelector('.poster').hidden")


def test_a_clip_of_one_frame_without_cameras_can_be_looked_at(stage: Stage) -> None:
    page = stage.open(WIDE, frames=1, cameras=0, clip={"capture": False, "film": False, "title": ""})
    assert page.evaluate("document.querySelector('.title').textContent") == "dancer"
    for key in (" ", ".", "n", "1", "g", "c", "ArrowLeft"):
        page.press(key)
    page.settle()
    assert page.evaluate("[state().frame, state().playing]") == [0, False]
    assert page.evaluate("document.querySelector('.play').disabled")
    assert page.complaints == []


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_nothing_is_cut_off_at_any_size(stage: Stage, width: int, height: int) -> None:
    """All controls are inside the window, none covers another, and fingers hit what they aim at."""
    touch = width < 900
    page = stage.open((width, height), phone=touch, names=LONG, cameras=60, clip=dict.fromkeys(TEXTS, LONG))
    page.evaluate("for (let k = 0; k < 3; k++) stage.actions.addKey()")
    for state in ("{ panel: false }", "{ panel: true }", "{ tab: 'cameras' }", "{ tab: 'path' }"):
        page.evaluate(f"stage.store.set({state})")
        page.settle()
        page.settle()
        whole = page.evaluate("(one => [one.scrollWidth, one.scrollHeight])(document.documentElement)")
        assert whole == [width, height]
        faults = page.evaluate(f"{MISPLACED}({44 if touch else 24})")
        assert faults == [], state
        assert page.evaluate("document.querySelector('.model').clientHeight") >= 0.25 * height, state
        fits = "[...document.querySelectorAll('.page')].every(one => one.scrollWidth <= one.clientWidth)"
        assert page.evaluate(fits), state


def test_long_names_of_cameras_are_told_apart(stage: Stage) -> None:
    page = stage.open(WIDE, names=LONG, cameras=30)
    page.evaluate("stage.store.set({ tab: 'cameras' })")
    page.settle()
    names = page.evaluate("[...document.querySelectorAll('.camera-name')].map(one => [one.textContent, one.title])")
    assert len({shown for shown, _ in names}) == 30
    assert all(len(shown) <= 16 and title.startswith(LONG) for shown, title in names)
    cut = "(one => one.scrollWidth > one.clientWidth)"
    names = "[...document.querySelectorAll('.camera:not(.near) .camera-name')]"
    assert page.evaluate(f"{names}.filter({cut}).length") == 0


def test_everything_has_a_name_and_is_reached_by_tab(wide: Page) -> None:
    wide.evaluate("for (let k = 0; k < 2; k++) stage.actions.addKey()")
    wide.settle()
    assert wide.evaluate(NAMELESS) == []
    wide.evaluate("stage.store.set({ tab: 'view' }), document.activeElement.blur()")
    seen = []
    for _ in range(40):
        wide.press("Tab")
        name, visible = wide.evaluate(FOCUSED)
        assert visible, name
        seen.append(name)
    for name in ("Save the picture", "Settings", "Time", "Play", "Speed", "View", "Exposure", "Field of view"):
        assert name in seen, seen
    order = [seen.index(name) for name in ("Settings", "View", "Exposure", "Time", "Play")]
    assert order == sorted(order), "bar, panel, time"


def test_text_has_contrast(wide: Page) -> None:
    """At least 4.5 to 1 (WCAG AA), of what is written on what lies below it."""
    wide.evaluate("stage.store.set({ tab: 'cameras', overlay: true })")
    wide.settle()
    pairs = wide.evaluate(WRITTEN)
    assert len(pairs) > 30

    def luminance(colour: list[float]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(colour[:3]) / 255]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    for what, ink, paper in pairs:
        dark, light = sorted((luminance(ink), luminance(paper)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, what


def test_whom_movement_disturbs_sees_none(stage: Stage) -> None:
    page = stage.open(WIDE, still=True)
    page.press("3")
    page.settle()
    camera = page.evaluate("engine.clip.cameras[2].T")
    assert np.allclose(page.evaluate("engine.requested.at(-1).T"), camera, atol=1e-6), "at once"
    assert page.evaluate("stage.motion.glide") is None


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("film", ["", FILM])
def test_what_is_wrong_with_a_clip_is_all_in_sight(stage: Stage, width: int, height: int, film: str) -> None:
    page = stage.open((width, height), phone=width < 900, broken="no")
    page.evaluate(f"""import('/stage/welcome.js').then(({{ showFailure }}) =>
      showFailure(document.querySelector('.welcome'), {LONG!r}, {film!r}, () => {{}}))""")
    page.settle()
    parts = page.evaluate(f"{PARTS_OF_WELCOME}()")
    assert len(parts) == (4 if film else 3)
    for k, (left, top, right, bottom) in enumerate(parts):
        assert 0 <= left < right <= width, k
        assert 0 <= top < bottom <= height, k
        for other in parts[:k]:
            apart = left >= other[2] or right <= other[0] or top >= other[3] or bottom <= other[1]
            assert apart, k
