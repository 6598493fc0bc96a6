"""examples/web/compositing: a clip and an object of three.js hide each other, if three.js is installed there (npm)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dymap.site.export import Given, write_folder
from dymap.site.server import in_folder, serving
from dymap.video.packing import save_packed
from tests.browser import Page, browser, needs_browser
from tests.golden.sources import Golden
from tests.video.videos import painted_video

EXAMPLE = Path(__file__).parents[2] / "examples" / "web" / "compositing"
needs_three = pytest.mark.skipif(
    not (EXAMPLE / "node_modules" / "three").is_dir(), reason="npm install was not run in examples/web/compositing"
)
BALL = """(() => {
  const ball = composition.ring.clone();
  ball.geometry = new ball.geometry.constructor(0.04, 0.02);
  ball.material = new (class extends ball.material.constructor {})({ color: "black", emissive: "#00ff00" });
  composition.ring.visible = false;
  window.ball = ball;
  composition.scene.add(ball);
})()"""


def centre(page: Page, share: float) -> list[int]:
    """The colour in the middle of the picture, with a green ball on the way from the camera to what it looks at."""
    page.evaluate(
        f"""(() => {{
        const {{ position, target }} = document.querySelector("dymap-player").camera;
        ball.position.set(...position.map((x, k) => x + {share} * (target[k] - x)));
        window.seen = composition.drawn;
        }})()"""
    )
    page.until("composition.drawn > seen + 1", 60)
    return page.evaluate(
        """(() => {
        const { renderer, scene, camera } = composition, gl = renderer.getContext(), pixel = new Uint8Array(4);
        renderer.render(scene, camera);
        gl.readPixels(gl.drawingBufferWidth >> 1, gl.drawingBufferHeight >> 1, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
        return [...pixel];
        })()"""
    )


@needs_browser
@needs_three
def test_a_clip_and_an_object_hide_each_other(trimmed: Golden, tmp_path: Path) -> None:
    save_packed(tmp_path / "clip.dymap", painted_video(trimmed), 1e-6)
    write_folder(tmp_path / "site", Given(tmp_path / "clip.dymap", "a clip", b"", None))
    example, rest = in_folder(EXAMPLE), in_folder(tmp_path)
    with (
        serving(lambda path: rest(path) if path.startswith("site/") else example(path)) as url,
        browser(tmp_path / "profile", "webgpu") as page,
    ):
        page.visit(f"{url}index.html", 64, 64, still=True)
        page.until("window.composition?.drawn", 60)
        page.evaluate(BALL)
        hidden = centre(page, 1.6)
        alone = page.evaluate("(ball.visible = false, 0)") or centre(page, 1.6)
        page.evaluate("ball.visible = true")
        before = centre(page, 0.5)
        assert [one for one in page.complaints if "ReadPixels" not in one] == []
    assert alone[3] > 200, "the body is in the middle of the picture"
    assert np.abs(np.subtract(hidden, alone)).max() <= 3, "behind it, the ball is not seen"
    assert before[1] > before[0] + 100, "in front of it, it is"
