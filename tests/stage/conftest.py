"""A stage of a small clip, and a browser that looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from dymap.play.video import Video, load
from dymap.runs.demonstration import PACKAGED
from dymap.stage.server import Settings, Stage
from dymap.stage.subject import ClipSubject
from tests.stage.subjects import Lasting
from tests.stage.visitor import SIDE, Visitor, visit


@pytest.fixture(scope="package")
def video() -> Video:
    """The clip that comes with dymap, with cameras of few pixels."""
    baked = load(PACKAGED).baked
    return Video(replace(baked, cameras=tuple(camera.resized(SIDE, SIDE) for camera in baked.cameras)))


@pytest.fixture
def subject(video: Video) -> ClipSubject:
    return Lasting(video, "march")


@pytest.fixture
def stage(subject: ClipSubject) -> Iterator[Stage]:
    with Stage(subject, port=0, settings=Settings(1024)) as stage:
        yield stage


@pytest.fixture
def visitor(stage: Stage) -> Iterator[Visitor]:
    with visit(stage.url) as visitor:
        yield visitor
