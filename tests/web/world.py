"""A browser with the engine "browser", and clips that it can open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from dymap.geometry.camera import Camera
from dymap.play.video import Video, load
from dymap.render.image import Image
from dymap.runs.demonstration import PACKAGED
from dymap.video.clip import BakedVideo, one_segment
from dymap.video.packing import save_packed
from tests.browser import Page, browser
from tests.field.models import tiny_field
from tests.golden.sources import Golden
from tests.video.test_packed import HALVES as SPANS
from tests.video.test_packed import half_of
from tests.video.videos import BAKE, RENDER, cameras, painted_video
from tests.web.engine import open_engine, serving

SIDE = 48
DANCER, HALVES, LARGE = (f"/clips/{name}.dymap" for name in ("dancer", "halves", "large"))


@dataclass
class World:
    """A browser at a blank page, and clips that it can open. opened: the one that it has; folder: of /clips/."""

    page: Page
    videos: dict[str, Video]
    address: str
    folder: Path
    opened: str = ""

    def open(self, file: str) -> Video:
        """Open a clip, unless it is open; the page is as wide as its pictures."""
        if self.opened != file:
            assert open_engine(self.page, file) == ""
            self.opened = file
        self.page.complaints.clear()
        return self.videos[file]


@contextmanager
def open_world(trimmed: Golden, folder: Path, profile: Path) -> Iterator[World]:
    shutil.copy(PACKAGED, folder / "dancer.dymap")
    body = painted_video(trimmed)
    save_packed(folder / "halves.dymap", replace(body, segments=SPANS, load=partial(half_of, body)))
    save_packed(folder / "large.dymap", large())
    videos = {f"/clips/{file}.dymap": load(folder / f"{file}.dymap") for file in ("dancer", "halves", "large")}
    with serving(folder) as address, browser(profile, "webgpu") as page:
        page.visit(f"{address}/blank", 300, 200)
        yield World(page, videos, address, folder)


def large() -> BakedVideo:
    """Noise in some voxels, with planes so large that they are computed only where something is."""
    field = tiny_field(density=3.0, plane_size=64, map_size=8).requires_grad_(False)
    occupied = torch.zeros(2, *BAKE.grid, dtype=torch.bool)
    occupied[:, 3:9, 5:12, 4:20] = True
    return one_segment(field, occupied, RENDER, BAKE, 25, (0, 1), cameras(3), (0, 1), (2,), "large")


def seen_by(video: Video, camera: int) -> Camera:
    return video.cameras[camera].undistorted().fitted(SIDE, SIDE)


def render(video: Video, camera: int, frame: int) -> Image:
    return video.render(seen_by(video, camera), frame)
