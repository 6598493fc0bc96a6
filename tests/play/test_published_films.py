"""The three published films of an NHR capture on disk: cameras, frames and boxes as the published loader makes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dymap.capture import open_capture
from dymap.config import BakeConfig, RenderConfig
from dymap.field.field import Field
from dymap.play.film import Film, fixed_time_film, fixed_view_film, orbit_film
from dymap.play.video import Video
from dymap.video.clip import one_segment
from tests.captures import TINY, write_nhr
from tests.field.models import TINY as FIELD
from tests.golden.sources import Arrays, Golden

FILMS = {
    "novel": lambda video: orbit_film(video, 4, published=True),
    "novel_fixed_time": lambda video: fixed_time_film(video, 0, 6, published=True),
    "novel_fixed_view": lambda video: fixed_view_film(video, "orbit", 4, published=True),
}


@pytest.fixture(scope="module")
def video(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Video:
    """A baked field of the tiny capture, opened as NHR with M of sport1."""
    M = trimmed.arrays("geometry")["transform"]
    root = write_nhr(tmp_path_factory.mktemp("nhr") / "sport", trimmed.arrays("dataset"))
    capture = open_capture(root, replace(TINY, edge_band=True, transform=tuple(M.reshape(-1).tolist())))
    assert capture.source.layout == "nhr"
    field = Field(FIELD, torch.from_numpy(capture.boxes)).requires_grad_(False)
    occupancy = torch.ones(len(capture.frames), *BakeConfig().grid, dtype=torch.bool)
    baked = one_segment(
        field, occupancy, RenderConfig(), BakeConfig(), 25.0, capture.frames, capture.cameras, capture.train_views,
        capture.test_views, "sport", transform=capture.config.transform,
    )  # fmt: skip
    return Video(baked)


@pytest.mark.parametrize("name", FILMS)
def test_film_is_the_published_one(golden: Golden, video: Video, name: str) -> None:
    dataset: Arrays = golden.arrays("dataset")
    film: Film = FILMS[name](video)
    assert [step.frame for step in film] == dataset[f"{name}/frames"].tolist()
    M = np.array(video.baked.transform).reshape(4, 4)
    dataset.check(f"{name}/exts", np.stack([step.camera.extrinsics @ M for step in film]), atol=1e-9)
    dataset.check(f"{name}/ixt", film[0].camera.K, atol=1e-5)
    dataset.check(f"{name}/wbounds_all", torch.stack([video.boxes[step.frame] for step in film]), atol=1e-6)
    for key in ("R", "T", "K"):
        value = getattr(film[1].camera, key)
        dataset.check(f"{name}1_fast/{key}", value[:, None] if key == "T" else value, atol=1e-5 if key == "K" else 1e-9)
