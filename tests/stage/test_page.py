"""The whole page, drawn by the server: in a real browser, with and without a token."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from dymap.play.video import Video
from dymap.stage.server import Settings, Stage
from tests.browser import Page, browser, needs_browser
from tests.stage.subjects import Lasting

pytestmark = needs_browser
LISTEN = """window.came = [], stage.engine.addEventListener("picture", ({detail}) => came.push(detail)), 0"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile"), "none") as page:
        yield page


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_page_shows_the_clip_turns_it_and_plays_it(page: Page, video: Video, host: str) -> None:
    with Stage(Lasting(video, "fast"), host, 0, Settings(256, (1.0, 1.0, 1.0))) as stage:
        page.visit(stage.url, 900, 500)
        page.until("globalThis.stage?.engine?.bitmap?.width > 200")
        rows, columns = np.nonzero(figure(page))
        assert np.ptp(rows) > np.ptp(columns), "she stands"
        page.evaluate(LISTEN)
        page.drag(*[(300 + 60 * math.sin(k / 3), 220) for k in range(8)])
        page.until("came.some(one => one.kind === 'draft') && came.at(-1).kind === 'full'")
        page.press(" ")
        page.until("new Set(came.map(one => one.view.frame)).size > 3")
        page.press(" ")
        page.until("came.at(-1).kind === 'full'")
        assert [url for url in page.requests if not url.startswith((stage.url, "data:", "blob:", "about:"))] == []
        assert page.complaints == []


def figure(page: Page) -> np.ndarray:
    """[H, W] bool: what is not white in the picture."""
    left, top, width, height = (round(x) for x in page.place(".picture"))
    return page.picture()[top : top + height, left : left + width].min(axis=-1) < 150
