"""What browsers say: each number is looked at, and what is wrong is said in one sentence."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from dymap.errors import InputError
from dymap.stage.message import MAX_BYTES, Got, View, read_message
from dymap.stage.view import camera_of, full_size, scaled

GOOD: dict[str, Any] = {
    "type": "view", "id": 3, "frame": 2, "R": [1, 0, 0, 0, 1, 0, 0, 0, 1], "T": [0, 0.5, 3], "fov": 0.7,
    "canvas": [640, 480], "moving": True, "layer": "depth", "background": [0, 0.5, 1], "exposure": -1.5,
}  # fmt: skip
LENS = {"K": [100, 0, 50, 0, 100, 40, 0, 0, 1], "image": [100, 80]}


def test_a_view_is_read() -> None:
    view = read_message(json.dumps(GOOD), 10)
    assert isinstance(view, View)
    assert (view.number, view.frame, view.canvas, view.moving, view.layer) == (3, 2, (640, 480), True, "depth")
    assert (view.background, view.exposure, view.capture) == ((0, 0.5, 1), -1.5, False)
    np.testing.assert_array_equal(view.R, np.eye(3))
    assert read_message('{"type": "got", "id": 7}', 10) == Got(7)
    lens = read_message(json.dumps(GOOD | LENS), 10)
    assert isinstance(lens, View)
    assert lens.K is not None
    assert lens.image == (100, 80)
    clear = read_message(json.dumps(GOOD | {"background": None}), 10)
    assert isinstance(clear, View)
    assert clear.background is None


EYE = GOOD["R"]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"id": -1}, "id is -1, expected a whole number"), ({"id": 1.5}, "id is 1.5"), ({"id": True}, "id is true"),
    ({"id": 2**60}, f"id is {2**60}"), ({"id": None}, "id is null"), ({"id": "7"}, 'id is "7"'),
    ({"frame": 10}, "frame is 10, expected a whole number from 0 to 9"), ({"frame": "0"}, 'frame is "0"'),
    ({"frame": None}, "frame is null"), ({"frame": -1}, "frame is -1"), ({"frame": 1e300}, "frame is 1e+300"),
    ({"R": [1] * 9}, "R holds no rotation: R R^T differs from the identity by 3"),
    ({"R": [1, 0, 0, 0, 1, 0, 0, 0, -1]}, "R holds a reflection"), ({"R": [0] * 9}, "by 1,"),
    ({"R": [2 * x for x in EYE]}, "by 3,"), ({"R": [1, 1e-2, 0, *EYE[3:]]}, "by 0.01,"),
    ({"R": [1] * 8}, "R is [1, 1, 1, 1, 1, 1, 1, 1], 8 values, expected 9 numbers"),
    ({"R": ["1"] * 9}, 'R holds "1"'), ({"R": [None, *EYE[1:]]}, "R holds null"), ({"R": "eye"}, 'R is "eye"'),
    ({"R": [EYE[:3], EYE[3:6], EYE[6:]]}, "R is [[1, 0, 0], [0, 1, 0], [0, 0, 1]], 3 values"),
    ({"R": [True, *EYE[1:]]}, "R holds true"), ({"R": [1e29] * 9}, "R holds no rotation"),
    ({"R": [[]] * 9}, "R holds []"), ({"R": None}, "R is null"),
    ({"T": [1e300, 0, 0]}, "T holds 1e+300"), ({"T": [10**400, 0, 0]}, "T holds 1000"),
    ({"T": [1e7, 0, 0]}, "T puts the camera 1e+07 m from the origin"), ({"T": {}}, "T is {}"),
    ({"T": [0, 0]}, "T is [0, 0], 2 values"), ({"T": 5}, "T is 5"),
    ({"fov": 0}, "fov is 0, expected a number from 0.001 to 3.1"), ({"fov": 4}, "fov is 4"),
    ({"fov": None}, "fov is null"), ({"fov": [1]}, "fov is [1]"), ({"fov": -1}, "fov is -1"),
    ({"fov": True}, "fov is true"), ({"fov": 1e308}, "fov is 1e+308"),
    ({"canvas": [0, 10]}, "width is 0"), ({"canvas": [10, 10**9]}, "height is 1000000000"),
    ({"canvas": [10]}, "canvas is [10], expected [width, height]"), ({"canvas": [10.5, 10]}, "width is 10.5"),
    ({"canvas": [-5, 10]}, "width is -5"), ({"canvas": "10x10"}, 'canvas is "10x10"'),
    ({"canvas": None}, "canvas is null"), ({"canvas": [16385, 1]}, "width is 16385"),
    ({"canvas": [10, 10, 10]}, "canvas is [10, 10, 10]"),
    ({"layer": "x" * 1000}, 'layer is "xxx'), ({"layer": ["depth"]}, 'layer is ["depth"]'),
    ({"layer": None}, "layer is null"), ({"layer": 3}, "layer is 3"),
    ({"moving": 1}, "moving is 1, expected true or false"), ({"moving": None}, "moving is null"),
    ({"background": [0, 0, 2]}, "background is [0.0, 0.0, 2.0], expected numbers from 0 to 1"),
    ({"background": [-0.1, 0, 0]}, "background is [-0.1"), ({"background": "red"}, 'background is "red"'),
    ({"background": [0, 0]}, "background is [0, 0], 2 values"),
    ({"exposure": 100}, "exposure is 100"), ({"exposure": "1"}, 'exposure is "1"'), ({"exposure": None}, "is null"),
    ({"type": "else"}, 'type "else"'), ({"type": ["view"]}, 'type ["view"]'), ({"type": None}, "type null"),
    ({"type": {"a": 1}}, 'type {"a": 1}'),
    (LENS | {"K": [0] * 9}, "K has fx = 0, expected 0.001 to 1e+07 pixels"),
    (LENS | {"K": [100, 0, 50, 0, 0, 40, 0, 0, 1]}, "K has fy = 0"),
    (LENS | {"K": [-100, 0, 50, 0, 100, 40, 0, 0, 1]}, "K has fx = -100"),
    (LENS | {"K": [1e-300, 0, 50, 0, 100, 40, 0, 0, 1]}, "K has fx = 1e-300"),
    (LENS | {"K": [1e29, 0, 0, 0, 1, 0, 0, 0, 1]}, "K has fx = 1e+29"),
    (LENS | {"K": [100, 0, 50, 0, 100, 40, 0, 0, 0]}, "K is [100.0, 0.0, 50.0, 0.0, 100.0"),
    (LENS | {"K": [100, 0, 50, 9, 100, 40, 0, 0, 1]}, "expected [fx, s, cx, 0, fy, cy, 0, 0, 1] in pixels"),
    (LENS | {"K": [100, 0, 1e20, 0, 100, 40, 0, 0, 1]}, "K is [100.0, 0.0, 1e+20"),
    (LENS | {"K": [100]}, "K is [100], 1 values"), (LENS | {"K": [math.inf] * 9}, "holds Infinity, which is no number"),
    (LENS | {"image": None}, "image is null"), (LENS | {"image": [1, 70000]}, "height is 70000"),
    (LENS | {"image": [0, 80]}, "width is 0"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_what_is_wrong_is_said(change: dict[str, Any], sentence: str) -> None:
    for kind in ("view", "capture"):
        with pytest.raises(InputError) as raised:
            read_message(json.dumps(GOOD | {"type": kind} | change), 10)
        assert sentence in str(raised.value)
        assert len(str(raised.value)) < 250
        assert str(raised.value).isprintable()


def test_what_is_right_at_the_edge_is_drawn_by_some_camera() -> None:
    """Whatever is let in makes a camera with finite rays."""
    edges: list[dict[str, Any]] = [
        {"canvas": [16384, 1]}, {"canvas": [1, 16384]}, {"fov": 0.001}, {"fov": 3.1}, {"T": [9e5, 0, 0]},
        LENS | {"K": [1e-3, 0, 50, 0, 1e7, 40, 0, 0, 1]}, LENS | {"K": [1e7, 1e7, -1e7, 0, 1e-3, 1e7, 0, 0, 1]},
        LENS | {"image": [1, 16384]}, LENS | {"image": [16384, 1]},
    ]  # fmt: skip
    for change in edges:
        view = read_message(json.dumps(GOOD | change), 10)
        assert isinstance(view, View)
        for share in (0.2, 1.0):
            camera = camera_of(view, *scaled(full_size(view.canvas, 1024), share))
            assert np.isfinite(camera.R.T @ np.linalg.inv(camera.K)).all()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", "null", '"view"', json.dumps(GOOD).replace("0.5", "NaN"),
     json.dumps(GOOD).replace("0.5", "-Infinity"), json.dumps(GOOD).replace("0.5", "1e999"),
     json.dumps(GOOD).replace("0.5", "0.5.5"), json.dumps(GOOD)[:-1], json.dumps(GOOD) * 2,
     '{"type": "got", "id": "7"}', '{"type": "got", "id": -7}', '{"type": ' + "[" * 900 + "]" * 900 + "}",
     "[" * 50000, '{"a":' * 9000, "9" * 10000, "x" * (MAX_BYTES + 1), "é" * MAX_BYTES, "\ud800", '{"type": "got"}'],
)  # fmt: skip
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(InputError) as raised:
        read_message(text, 10)
    assert len(str(raised.value)) < 250
