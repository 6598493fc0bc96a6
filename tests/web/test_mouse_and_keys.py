"""The page on a large screen: every control by mouse and keyboard."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser import Page, needs_browser
from tests.web.conftest import WIDE, Stage

pytestmark = needs_browser
MIDDLE = (550.0, 420.0)


def pose(page: Page) -> tuple[np.ndarray, np.ndarray, float]:
    """Position [3], R [3, 3], distance."""
    found = page.evaluate("state().pose")
    return np.array(found["position"]), np.array(found["R"]).reshape(3, 3), found["distance"]


def pivot(page: Page) -> np.ndarray:
    position, R, distance = pose(page)
    return position + distance * R[2]


def asked(page: Page) -> dict:
    """The view that the engine was asked for last."""
    return page.evaluate("engine.requested.at(-1)")


def at_rest(page: Page) -> dict:
    page.settle()
    page.until("!stage.motion.glide && engine.requested.length && !engine.requested.at(-1).moving")
    return asked(page)


def test_it_starts_upright_and_framed_with_the_panel_open(stage: Stage) -> None:
    page = stage.open(WIDE)
    position, R, distance = pose(page)
    assert R[0, 2] == pytest.approx(0, abs=1e-9)
    assert R[1, 2] < -0.9, "z is up: down in the picture is down"
    assert np.allclose(position + distance * R[2], (0, 0, 0.875), atol=1e-3), "it looks at the middle of the box"
    assert page.evaluate("document.querySelector('.title').textContent + document.title") == "A dancer turns" * 2
    assert not page.evaluate("document.querySelector('.panel').hidden")
    shown = page.picture()[60:820, :1100].astype(int)
    figure = shown[..., 0] - shown[..., 2] > 40  # orange
    rows, columns = np.nonzero(figure)
    assert 0.6 < np.ptp(rows) / 760 < 0.95
    assert abs(columns.mean() / 1100 - 0.5) < 0.05
    assert page.complaints == []
    own = (stage.address, "data:", "about:", "blob:")
    assert [url for url in page.requests if not url.startswith(own)] == [], "it asks nobody else"


def test_dragging_turns_around_the_subject_and_asks_for_drafts_then_for_a_full_picture(wide: Page) -> None:
    before, about = pose(wide), pivot(wide)
    wide.mouse("mousePressed", *MIDDLE)
    wide.mouse("mouseMoved", MIDDLE[0] + 120, MIDDLE[1])
    wide.settle()
    assert asked(wide)["moving"]
    wide.mouse("mouseReleased", MIDDLE[0] + 120, MIDDLE[1])
    position, R, distance = pose(wide)
    assert np.allclose(pivot(wide), about, atol=1e-6)
    assert distance == pytest.approx(before[2])
    assert (position - before[0]) @ before[1][0] < -0.1, "it is grabbed: the camera goes the other way"
    assert R[0, 2] == pytest.approx(0, abs=1e-9), "still level"
    view = at_rest(wide)
    assert np.allclose(view["T"], -R @ position)


def test_shift_and_the_right_button_shift_the_picture(wide: Page) -> None:
    for options in ({"button": "right"}, {"button": "middle"}, {"modifiers": 8}):
        position, R, distance = pose(wide)
        wide.drag(MIDDLE, (MIDDLE[0] + 50, MIDDLE[1] + 30), (MIDDLE[0] + 100, MIDDLE[1] + 60), **options)
        after, turned, _ = pose(wide)
        assert np.allclose(turned, R)
        focal = wide.evaluate("document.querySelector('.model').clientHeight / 2 / Math.tan(state().fov / 2)")
        moved = R @ (after - position)
        assert np.allclose(moved, (-100 * distance / focal, -60 * distance / focal, 0), atol=1e-6), options


def test_with_alt_the_camera_looks_around_from_where_it_is(wide: Page) -> None:
    position, R, _ = pose(wide)
    wide.drag(MIDDLE, (MIDDLE[0] + 60, MIDDLE[1]), (MIDDLE[0] + 100, MIDDLE[1]), modifiers=1)
    after, turned, _ = pose(wide)
    assert np.allclose(after, position)
    assert turned[2] @ R[0] < -0.05, "what was grabbed follows"


def test_the_wheel_comes_closer_towards_the_pointer(wide: Page) -> None:
    script = """import('/stage/camera.js').then(({ projected, lensOf }) => {
      const { clientWidth, clientHeight } = document.querySelector('.model');
      return projected([0.2, -0.1, 1.4], state().pose, lensOf(state().fov, clientWidth, clientHeight));
    })"""
    x, y, _ = wide.evaluate(script)
    top = wide.evaluate("document.querySelector('.model').getBoundingClientRect().top")
    _, _, far = pose(wide)
    wide.wheel(x, y + top, -300)
    _, _, near = pose(wide)
    assert near < 0.8 * far
    after = wide.evaluate(script)
    assert np.hypot(after[0] - x, after[1] - y) < 25, (
        "what is under the pointer stays there, nearly: it is not as far away as the pivot"
    )
    wide.wheel(x, y + top, 300)
    assert pose(wide)[2] == pytest.approx(far)


def test_keys_turn_zoom_and_fly(wide: Page) -> None:
    position, R, distance = pose(wide)
    wide.press("ArrowRight")
    assert (pose(wide)[0] - position) @ R[0] > 0
    wide.press("ArrowUp")
    assert pose(wide)[0][2] > position[2]
    wide.press("+")
    assert pose(wide)[2] < distance
    wide.press("-")
    wide.evaluate("reset()")
    for key, axis, sign in (("w", 2, 1), ("s", 2, -1), ("d", 0, 1), ("a", 0, -1), ("e", 1, -1), ("q", 1, 1)):
        before = pose(wide)[0]
        wide.key("keyDown", key)
        wide.until(f"Math.hypot(...state().pose.position.map((v, k) => v - {before.tolist()}[k])) > 0.02")
        wide.key("keyUp", key)
        moved = R @ (pose(wide)[0] - before)
        assert sign * moved[axis] > 0.9 * np.abs(moved).max(), key
        wide.until("stage.motion.velocity.every(value => value === 0)")
    assert np.allclose(pose(wide)[1], R)


def test_home_and_a_double_click_come_back_to_the_start(wide: Page) -> None:
    start = pose(wide)[0]
    for back in (lambda: wide.press("Home"), lambda: [wide.drag(MIDDLE, MIDDLE) for _ in range(2)]):
        wide.press("ArrowRight")
        assert not np.allclose(pose(wide)[0], start)
        back()
        at_rest(wide)
        assert np.allclose(pose(wide)[0], start, atol=1e-6)


def test_the_horizon_can_be_left_and_is_levelled_again(wide: Page) -> None:
    wide.press("h")
    assert not wide.evaluate("state().level")
    wide.drag(MIDDLE, (MIDDLE[0] + 150, MIDDLE[1] + 150), (MIDDLE[0] + 300, MIDDLE[1] + 100))
    wide.drag(MIDDLE, (MIDDLE[0] - 150, MIDDLE[1] + 150))
    assert abs(pose(wide)[1][0, 2]) > 0.01
    wide.press("h")
    at_rest(wide)
    assert pose(wide)[1][0, 2] == pytest.approx(0, abs=1e-6)


def test_the_lens_and_the_exposure_are_sliders(wide: Page) -> None:
    for label, at, key, value in (("Field of view", 20, "fov", np.radians(20)), ("Exposure", 1.5, "exposure", 1.5)):
        wide.fill(f'[aria-label="{label}"]', at, "input")
        assert at_rest(wide)[key] == pytest.approx(value)
    assert "20°" in wide.evaluate("document.querySelector('.page-view').innerText")


def test_layers_and_backgrounds_are_asked_for(wide: Page) -> None:
    for layer in ("depth", "opacity", "occupancy", "colour"):
        wide.click(f'.page-view label[data-value="{layer}"]')
        assert at_rest(wide)["layer"] == layer
    backgrounds = {"white": [1, 1, 1], "grey": [0.5] * 3, "checker": None, "transparent": None, "black": [0, 0, 0]}
    for name, expected in backgrounds.items():
        wide.click(f'.page-view label[data-value="{name}"]')
        assert at_rest(wide)["background"] == expected
    wide.fill("input[type=color]", "#336699", "input")
    assert np.allclose(at_rest(wide)["background"], (0.2, 0.4, 0.6))
    wide.press("t")
    assert at_rest(wide)["layer"] == "depth"


def test_switches_show_the_box_the_cameras_and_the_overlay(wide: Page) -> None:
    def drawn() -> int:
        return wide.evaluate("""(canvas => {
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          return data.reduce((count, value) => count + (value > 0), 0);
        })(document.querySelector('.lines'))""")

    assert drawn() == 0
    counts = []
    for key in ("b", "c"):
        wide.press(key)
        wide.settle()
        counts.append(drawn())
    assert 0 < counts[0] < counts[1]
    wide.press("i")
    wide.press("ArrowLeft")
    at_rest(wide)
    wide.settle()
    text = wide.evaluate("document.querySelector('.overlay').innerText")
    for word in ("event to pixel", "render", "encode", "transfer", "decode", "23.5 kB", "full"):
        assert word in text
    wide.press("i")
    wide.settle()
    assert wide.evaluate("document.querySelector('.overlay').hidden")


def test_keys_and_clicks_show_what_captured_cameras_saw(wide: Page) -> None:
    cameras = wide.evaluate("engine.clip.cameras.map(({ R, T }) => ({ R, T }))")
    wide.press("4")
    assert np.allclose(at_rest(wide)["T"], cameras[3]["T"], atol=1e-6)
    wide.press("ArrowRight")
    wide.press("n")
    at_rest(wide)
    assert wide.evaluate("state().camera") == 3
    wide.evaluate("stage.store.set({ tab: 'cameras' })")
    wide.settle()
    assert wide.evaluate("document.querySelectorAll('.camera').length") == 12
    assert wide.evaluate("document.querySelectorAll('.camera .badge').length") == 3
    assert wide.evaluate("[...document.querySelectorAll('.camera img')].every(one => one.src.startsWith('data:'))")
    wide.click(".cameras li:nth-child(12) button")
    assert np.allclose(at_rest(wide)["T"], cameras[11]["T"], atol=1e-6)
    wide.evaluate("reset(), stage.store.set({ frusta: true })")
    wide.settle()
    wide.settle()
    wide.press("3")  # so that cameras are in sight
    at_rest(wide)
    wide.settle()
    found = wide.evaluate("stage.outlines.spots.find(({ x, y }) => x > 20 && x < 1000 && y > 20)")
    top = wide.evaluate("document.querySelector('.model').getBoundingClientRect().top")
    wide.mouse("mouseMoved", found["x"], found["y"] + top, button="none")
    wide.settle()
    assert wide.evaluate("document.querySelector('.pictures').classList.contains('on-camera')")
    wide.drag((found["x"], found["y"] + top), (found["x"], found["y"] + top))
    assert np.allclose(at_rest(wide)["T"], cameras[found["index"]]["T"], atol=1e-6)


def test_the_turntable_goes_round_until_it_is_stopped(wide: Page) -> None:
    about, before = pivot(wide), pose(wide)[0]
    wide.press("o")
    wide.until(f"Math.hypot(...state().pose.position.map((v, k) => v - {before.tolist()}[k])) > 0.1")
    assert asked(wide)["moving"]
    wide.press("o")
    at_rest(wide)
    assert np.allclose(pivot(wide), about, atol=1e-6)
    still = pose(wide)[0]
    wide.settle()
    assert np.allclose(pose(wide)[0], still)


def test_a_button_that_changes_while_it_is_pressed_is_pressed(wide: Page) -> None:
    """Browsers forget a press if what lies under the pointer is taken away: an icon, or the button with its message."""
    complaint = "stage.messages.complain('The connection was lost; trying again', 'picture')"
    for selector, change, done in (
        (".play", "stage.store.set({ playing: true })", "!state().playing"),
        (".trouble button", complaint, "!document.querySelector('.trouble.shown')"),
    ):
        wide.evaluate(complaint)
        left, top, width, height = wide.place(selector)
        wide.mouse("mousePressed", left + width / 2, top + height / 2)
        wide.evaluate(change)
        wide.settle()
        wide.mouse("mouseReleased", left + width / 2, top + height / 2)
        assert wide.evaluate(done)


def test_nothing_is_drawn_when_nothing_changes(wide: Page) -> None:
    at_rest(wide)
    for _ in range(3):
        wide.settle()
    count = wide.evaluate("engine.requested.length")
    assert wide.evaluate("stage.loop.waiting") == 0, "no frame of the screen is asked for"
    wide.settle()
    assert wide.evaluate("engine.requested.length") == count


def test_a_link_restores_camera_and_time(wide: Page) -> None:
    for key in ("ArrowRight", "ArrowUp", ".", ".", "t"):
        wide.press(key)
    view = at_rest(wide)
    wide.press("l")
    link = wide.until("navigator.clipboard.readText().then(text => text.includes('#') && text)")
    assert wide.evaluate("location.href") == link
    wide.evaluate("reset()")
    wide.evaluate(f"location.hash = {link.split('#')[1]!r}")
    wide.until("state().frame === 2")
    again = at_rest(wide)
    assert np.allclose(again["R"], view["R"], atol=1e-5)
    assert np.allclose(again["T"], view["T"], atol=1e-5)
    assert (again["frame"], again["layer"]) == (2, "depth")
    wide.evaluate("location.hash = 'frame=1e9&at=a_b_c&turn=0_0_0_0&ahead=NaN&lens=900&layer=x&background=url(x)'")
    wide.settle()
    assert at_rest(wide) == again, "a link that makes no sense changes nothing"


def test_the_picture_is_saved(wide: Page, stage: Stage) -> None:
    wide.press("p")
    assert stage.saved("A_dancer_turns_0000.png").read_bytes().startswith(b"\x89PNG")


def test_help_full_screen_and_panel(wide: Page) -> None:
    wide.press("?")
    assert wide.evaluate("document.querySelector('dialog').open")
    assert "turn around the subject" in wide.text()
    wide.press(" ")
    assert not wide.evaluate("state().playing"), "the help takes the keys"
    wide.press("Escape")
    wide.until("!document.querySelector('dialog').open")
    width = wide.evaluate("document.querySelector('.picture').width")
    wide.press("m")
    wide.until(f"document.querySelector('.picture').width > {width} + 300")
    wide.click('[aria-controls="panel"]')
    wide.until(f"document.querySelector('.picture').width === {width}")
    wide.press("f")
    wide.until("Boolean(document.fullscreenElement)")
    wide.until("document.querySelector('.model').clientHeight === innerHeight")
    assert not wide.evaluate("document.querySelector('.app').classList.contains('idle')")
    wide.press(" ")
    wide.until("document.querySelector('.app').classList.contains('idle')")
    assert wide.evaluate("getComputedStyle(document.querySelector('.transport')).pointerEvents") == "none"
    wide.mouse("mouseMoved", *MIDDLE, button="none")
    wide.until("!document.querySelector('.app').classList.contains('idle')")
    wide.press("f")
    wide.until("!document.fullscreenElement")
