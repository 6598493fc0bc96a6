"""A viewer of a small clip, and a browser that looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from dymap.play.video import Video, load
from dymap.play.viewer.camera import view_of
from dymap.play.viewer.controls import Settings
from dymap.play.viewer.server import Viewer
from dymap.runs.demonstration import PACKAGED
from tests.play.viewer.visitor import SIDE, Visitor, visit


@pytest.fixture(scope="module")
def video() -> Video:
    """The clip that comes with dymap, with cameras of few pixels whose principal point is the middle of the image."""
    baked, middle = load(PACKAGED).baked, SIDE / 2 - 0.5  # centres at integers
    K = np.array([[1.25 * SIDE, 0, middle], [0, 1.25 * SIDE, middle], [0, 0, 1]])
    return Video(replace(baked, cameras=tuple(replace(c, K=K, width=SIDE, height=SIDE) for c in baked.cameras)))


@pytest.fixture
def viewer(video: Video, monkeypatch: pytest.MonkeyPatch) -> Iterator[Viewer]:
    """No draft is as large as a full picture."""
    monkeypatch.setattr("dymap.play.viewer.client.DRAFT_SECONDS", 1e-9)
    with Viewer(video, port=0, settings=Settings("march", SIDE)) as viewer:
        yield viewer


@pytest.fixture
def visitor(viewer: Viewer, video: Video) -> Iterator[Visitor]:
    """Looks from camera 0, in a window of its shape, and has got the full picture."""
    with visit(viewer.port) as visitor:
        visitor.stand(view_of(video.cameras[0]), SIDE, SIDE)
        visitor.picture(SIDE, SIDE)
        yield visitor
