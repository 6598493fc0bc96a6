"""What the stage shows: pictures of all kinds, the clip, what was filmed."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
import pytest

from dymap.errors import InputError
from dymap.play.video import Video
from dymap.stage.server import Stage
from dymap.stage.subject import ClipSubject
from tests.stage.subjects import Lasting
from tests.stage.visitor import SIDE, Visitor, get, psnr, visit


def test_a_resting_view_gets_the_picture_that_the_renderer_makes(visitor: Visitor, video: Video) -> None:
    for camera, frame in ((0, 0), (8, 5)):
        number = visitor.view(camera, frame=frame)
        head, picture = visitor.picture(number, "full")
        assert (head["width"], head["height"], head["frame"], head["alpha"]) == (SIDE, SIDE, frame, False)
        assert psnr(picture, video.render(video.cameras[camera], frame).numpy()) > 33
        assert min(head[key] for key in ("queue", "render", "encode")) >= 0


def test_moving_views_get_drafts_whose_size_follows_from_their_time(visitor: Visitor) -> None:
    sizes = []
    for _ in range(30):
        head, picture = visitor.picture(visitor.view(canvas=[512, 512], moving=True))
        assert head["kind"] == "draft"
        assert picture.shape[:2] == (head["height"], head["width"])
        sizes.append(head["width"])
    assert len(set(sizes)) > 1
    assert visitor.picture(visitor.view(canvas=[512, 512]))[0]["width"] == 512


def test_layers_and_backgrounds(visitor: Visitor, video: Video) -> None:
    image = video.render(video.cameras[0], 0, background="transparent")
    white = visitor.picture(visitor.view(background=[1, 1, 1]))[1]
    assert psnr(white, video.render(video.cameras[0], 0, background="white").numpy()) > 33
    opacity = visitor.picture(visitor.view(layer="opacity"))[1]
    assert np.abs(opacity[..., 0] / 255 - image.acc.numpy()).mean() < 0.02
    head, both = visitor.picture(visitor.view(background=None))
    assert head["alpha"]
    assert both.shape == (SIDE, 2 * SIDE, 3)
    assert np.abs(both[:, SIDE:, 0] / 255 - image.acc.numpy()).mean() < 0.03
    depth, blocks = (visitor.picture(visitor.view(layer=layer))[1] for layer in ("depth", "occupancy"))
    solid = image.acc.numpy() > 0.9
    assert depth[solid].max(axis=-1).min() > 40
    assert (blocks[solid].max(axis=-1) > 40).mean() > 0.99, "what is seen is occupied"
    brighter = visitor.picture(visitor.view(exposure=1.0))[1]
    assert brighter[solid].mean() > 1.2 * opacity[solid].mean() * white[solid].mean() / 255


def test_while_the_clip_plays_a_frame_that_was_made_ahead_stands_for_its_neighbour(
    subject: ClipSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = {0, 1}
    monkeypatch.setattr(subject, "ready", lambda frame: frame in ready)
    monkeypatch.setattr(subject, "ahead", ready.add)
    with Stage(subject, port=0) as stage, visit(stage.url) as visitor:
        shown = [visitor.picture(visitor.view(frame=k, moving=True))[0]["frame"] for k in (0, 2, 5, 7)]
        assert shown == [0, 2, 4, 8], "after 2 in steps of 2 comes 4, after 5 in steps of 3 comes 8"
        head, _ = visitor.picture(visitor.view(frame=12))
        assert head["frame"] == 12, "at rest it is the one that was asked for"


def test_a_picture_to_keep_is_exact(visitor: Visitor, video: Video) -> None:
    visitor.send(visitor.message(3) | {"type": "capture", "id": 50, "frame": 2})
    head, picture = visitor.picture(50)
    assert (head["kind"], head["mime"]) == ("capture", "image/png")
    assert np.abs(picture.astype(int) - video.render(video.cameras[3], 2).numpy()).max() <= 1
    visitor.send(visitor.message(3) | {"type": "capture", "id": 51, "background": None})
    assert visitor.picture(51)[1].shape == (SIDE, SIDE, 4)


def test_what_the_page_is_told_of_the_clip(stage: Stage, video: Video) -> None:
    clip = json.loads(get(stage.url, "clip.json")[1])
    assert (clip["name"], clip["frames"], clip["fps"]) == (video.name, video.num_frames, video.fps)
    np.testing.assert_allclose(np.reshape(clip["boxes"], (-1, 2, 3)), video.boxes.numpy(), atol=1e-6)
    assert len(clip["box"]) == 6
    seen = clip["cameras"][2]
    np.testing.assert_allclose(np.reshape(seen["R"], (3, 3)), video.cameras[2].R)
    assert (seen["width"], seen["height"], seen["test"]) == (SIDE, SIDE, 2 in video.baked.test_views)
    np.testing.assert_allclose(clip["up"], (0, 0, 1), atol=1e-6)
    assert (clip["capture"], clip["training"], clip["film"]) == (False, False, True)
    assert get(stage.url, "poster.jpg")[1][:2] == b"\xff\xd8"


def test_thumbnails_are_drawn_where_nothing_filmed_is_at_hand(stage: Stage, video: Video) -> None:
    status, data = get(stage.url, "thumbnail/1.jpg")
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert status == 200
    assert picture is not None
    assert psnr(picture[..., ::-1], video.render(video.cameras[1], 0).numpy()) > 33
    for view in ("99", "-1", "01", "x", "9" * 20):
        assert get(stage.url, f"thumbnail/{view}.jpg")[0] == 404
    assert get(stage.url, "truth/0/0.jpg")[0] == 404


def test_what_was_filmed_is_shown_as_it_is_compared(video: Video) -> None:
    filmed = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    filmed = cv2.resize(filmed[:8, :8], (SIDE, SIDE))

    def truth(frame: int, view: int) -> Any:
        if frame == 3:
            raise InputError("the capture is another one")
        return filmed if (frame, view) == (1, 4) else None

    subject = Lasting(video, "march", open_truth=lambda: truth)
    with Stage(subject, port=0) as stage:
        assert json.loads(get(stage.url, "clip.json")[1])["capture"]
        status, data = get(stage.url, "truth/4/1.jpg")
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert status == 200
        assert picture is not None
        assert psnr(picture[..., ::-1], filmed) > 33
        small = cv2.imdecode(np.frombuffer(get(stage.url, "truth/4/1.jpg?width=24")[1], np.uint8), 1)
        assert small is not None
        assert small.shape == (24, 24, 3)
        assert get(stage.url, "truth/4/2.jpg")[0] == 404
        status, said = get(stage.url, "truth/4/3.jpg")
        assert (status, said) == (409, b"the capture is another one\n")
        for path in ("truth/4/99.jpg", "truth/99/0.jpg", "truth/4/1.jpg?width=0", "truth/4/1.jpg?width=1e9"):
            assert get(stage.url, path)[0] in (400, 404)
