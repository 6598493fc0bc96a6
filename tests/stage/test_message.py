"""What browsers say: each number is looked at, and what is wrong is said in one sentence."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from dymap.errors import InputError
from dymap.stage.message import MAX_BYTES, Got, View, read_message

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


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"id": -1}, "id is -1"), ({"id": 1.5}, "id is 1.5"), ({"id": True}, "id is true"), ({"id": 2**60}, "id is"),
        ({"frame": 10}, "from 0 to 9"), ({"frame": "0"}, 'frame is "0"'), ({"frame": None}, "frame is null"),
        ({"R": [1] * 9}, "R holds no rotation"), ({"R": [1, 0, 0, 0, 1, 0, 0, 0, -1]}, "R holds a reflection"),
        ({"R": [0] * 9}, "R holds no rotation"), ({"R": [1] * 8}, "R is list"), ({"R": ["1"] * 9}, 'R holds "1"'),
        ({"R": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}, "R is list"), ({"T": [1e300, 0, 0]}, "finite"),
        ({"T": [10**400, 0, 0]}, "finite"), ({"T": [1e7, 0, 0]}, "from the origin"), ({"T": {}}, "T is dict"),
        ({"fov": 0}, "fov is 0"), ({"fov": 4}, "fov is 4"), ({"fov": None}, "fov is null"),
        ({"fov": [1]}, "fov is list"),
        ({"canvas": [0, 10]}, "width is 0"), ({"canvas": [10, 10**9]}, "height is"), ({"canvas": [10]}, "canvas is"),
        ({"canvas": [10.5, 10]}, "width is 10.5"), ({"layer": "x" * 1000}, "layer is"),
        ({"layer": ["depth"]}, "layer is"),
        ({"moving": 1}, "moving is 1"), ({"background": [0, 0, 2]}, "outside 0 to 1"),
        ({"background": "red"}, "background"),
        ({"exposure": 100}, "exposure is 100"), ({"exposure": "1"}, "exposure"), ({"type": "else"}, 'type "else"'),
        ({"type": ["view"]}, "type list"), ({**LENS, "K": [0] * 9}, "K is no lens"),
        ({**LENS, "image": None}, "image is"),
        ({**LENS, "K": [1e29, 0, 0, 0, 1, 0, 0, 0, 1]}, "K is no lens"),
        ({**LENS, "image": [1, 70000]}, "height is 70000"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as raised:
        read_message(json.dumps(GOOD | change), 10)
    assert sentence in str(raised.value)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", "null", '"view"', json.dumps(GOOD).replace("0.5", "NaN"),
     json.dumps(GOOD).replace("0.5", "Infinity"),
     "[" * 50000, '{"a":' * 9000, "9" * 10000, "x" * (MAX_BYTES + 1), "é" * MAX_BYTES, "\ud800", '{"type": "got"}'],
)  # fmt: skip
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(InputError) as raised:
        read_message(text, 10)
    assert len(str(raised.value)) < 250
