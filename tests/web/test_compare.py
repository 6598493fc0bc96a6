"""What was filmed beside the picture: side by side, wiped over, as difference."""

from __future__ import annotations

import numpy as np

from tests.browser import Page, needs_browser
from tests.web.conftest import WIDE, Stage

pytestmark = needs_browser
SHOWN = "document.querySelector('.truth').dataset.shows"


def compare(page: Page, how: str) -> None:
    page.evaluate("stage.store.set({ tab: 'cameras', panel: true })")
    page.settle()
    page.click(f'.page-cameras label[data-value="{how}"]')
    page.settle()
    page.until(f"{SHOWN} === `${{state().camera}} ${{state().frame}}`")
    page.until("!stage.motion.glide && !engine.requested.at(-1).moving")


def boxes(page: Page) -> list[tuple[float, float, float, float]]:
    return [page.rect(one) for one in (".model", ".filmed")]


def test_side_by_side_has_the_shape_and_the_lens_of_the_nearest_camera(wide: Page) -> None:
    wide.press("ArrowRight")
    compare(wide, "side")
    model, filmed = boxes(wide)
    assert abs(model[2] / model[3] - 1) < 0.01, "the camera's pictures are square"
    assert filmed[0] > model[0] + model[2], "beside it"
    assert model[2:] == filmed[2:]
    view = wide.evaluate("engine.requested.at(-1)")
    camera = wide.evaluate("engine.clip.cameras[state().camera]")
    assert (view["K"], view["R"], view["T"]) == (camera["K"], camera["R"], camera["T"])
    assert (view["width"], view["height"], view["background"]) == (512, 512, [0, 0, 0])


def test_a_drag_goes_to_the_nearest_camera(wide: Page) -> None:
    compare(wide, "side")
    before = wide.evaluate("state().camera")
    x, y, width, height = boxes(wide)[0]
    wide.drag((x + width * 0.7, y + height / 2), (x + width * 0.6, y + height / 2), (x + width * 0.45, y + height / 2))
    wide.until(f"state().camera >= 0 && state().camera !== {before}")
    wide.until(f"{SHOWN} === `${{state().camera}} ${{state().frame}}`")
    wide.press("ArrowLeft")
    wide.until(f"state().camera === {before}")


def test_the_divider_is_dragged_and_has_keys(wide: Page) -> None:
    compare(wide, "wipe")
    x, y, width, height = boxes(wide)[1]
    wide.drag((x + width / 2, y + 60), (x + 0.4 * width, y + 60), (x + 0.25 * width, y + 60))
    assert abs(wide.evaluate("state().wipe") - 0.25) < 0.01
    assert wide.evaluate("state().compare") == "wipe"
    picture = wide.picture(clip={"x": x, "y": y, "width": width, "height": height, "scale": 1}).astype(int)
    assert np.abs(picture[100, round(0.25 * width)] - 255).max() < 30, "the line is there"
    wide.evaluate("document.querySelector('.divider').focus()")
    wide.press("ArrowRight")
    assert abs(wide.evaluate("state().wipe") - 0.27) < 0.01
    wide.press("End")
    wide.settle()
    assert wide.evaluate("document.querySelector('.divider').getAttribute('aria-valuenow')") == "100"


def test_the_difference_is_dark_where_both_agree(wide: Page) -> None:
    compare(wide, "difference")
    wide.settle()
    x, y, width, height = boxes(wide)[0]
    picture = wide.picture(clip={"x": x, "y": y, "width": width, "height": height, "scale": 1}).astype(int)
    figure = picture[round(0.4 * height) : round(0.5 * height), round(0.48 * width) : round(0.52 * width)]
    assert picture[:40].max() < 10, "both are black there"
    assert 8 < figure.max() < 110, "the model's orange is another one, four times as bright"


def test_playing_renews_what_was_filmed_and_g_goes_through_the_kinds(wide: Page) -> None:
    compare(wide, "side")
    wide.press(" ")
    wide.until("state().frame > 6")
    wide.press(" ")
    wide.until(f"{SHOWN} === `${{state().camera}} ${{state().frame}}`")
    for how in ("wipe", "difference", "off"):
        wide.press("g")
        assert wide.evaluate("state().compare") == how
    wide.settle()
    assert boxes(wide)[0][2] > 1000, "the picture has the whole stage again"


def test_a_moment_that_a_camera_did_not_film_is_said(wide: Page) -> None:
    wide.evaluate("engine.truth = async () => null")
    compare(wide, "side")
    assert "not filmed at this moment" in wide.text()
    wide.evaluate("delete engine.truth")


def test_without_a_capture_nothing_is_offered(stage: Stage) -> None:
    page = stage.open(WIDE, clip={"capture": False, "film": False}, thumbnails=False)
    page.evaluate("stage.store.set({ tab: 'cameras' })")
    page.press("g")
    page.settle()
    assert "Compare" not in page.text()
    assert page.evaluate("state().compare") == "off"
    assert page.evaluate("document.querySelectorAll('.camera').length") == 12
    assert page.evaluate("document.querySelectorAll('.camera img, .no-picture').length") == 0
    page.press("k")
    page.settle()
    assert "dymap render RUN --cameras A_dancer_turns_path.json --size 1280 720 --fps 24" in page.text()
    assert "Render MP4" not in page.text()
