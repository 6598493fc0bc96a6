"""What strangers and broken programs send to a stage: one sentence that names what is wrong, and the stage goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dymap.stage.client import ERRORS
from dymap.stage.server import Stage
from tests.stage.test_message import GOOD, WRONG
from tests.stage.visitor import Visitor, get, visit


def check_sentence(text: str) -> None:
    assert text.strip()
    assert "\n" not in text.strip()
    assert len(text) < 250
    assert "Traceback" not in text


def test_each_wrong_message_is_answered_by_its_sentence_and_the_next_view_is_drawn(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    for first in range(0, len(WRONG), ERRORS):
        with visit(stage.url) as visitor:
            for change, sentence in WRONG[first : first + ERRORS]:
                if change.get("frame") == 10:  # of a shorter clip
                    continue
                visitor.send(json.dumps(GOOD | change))
                said = visitor.text("error")
                assert sentence in said["message"]
                assert not said["fatal"]
                check_sentence(said["message"])
            assert visitor.picture(visitor.view())[1].any()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("thumbnail/16.jpg", 404, "view is '16', expected a number from 0 to 15"),
        ("thumbnail/-1.jpg", 404, "view is '-1'"), ("thumbnail/1e9.jpg", 404, "view is '1e9'"),
        ("thumbnail/%0A%1B.jpg", 404, "view is '\\n\\x1b'"), ("thumbnail/" + "9" * 3000 + ".jpg", 404, "view is '999"),
        ("truth/0/24.jpg", 404, "frame is '24', expected a number from 0 to 23"), ("truth/x/0.jpg", 404, "view is 'x'"),
        ("truth/0/0.jpg?width=0", 400, "width is '0', expected a number of pixels"),
        ("truth/0/0.jpg?width=NaN", 400, "width is 'NaN'"), ("truth/0/0.jpg?width=-5", 400, "width is '-5'"),
        ("truth/0/0.jpg?width=" + "9" * 50, 400, "width is '999"), ("film/nothing", 404, "no such film"),
        ("../../etc/passwd", 404, ""), ("%2e%2e/%2e%2e/etc/passwd", 404, ""), ("stage/../../cli/view.py", 404, ""),
        ("%ff%fe", 404, ""), ("a" * 5000 + ".js", 404, ""),
    ],
)  # fmt: skip
def test_addresses_that_are_none(stage: Stage, path: str, status: int, sentence: str) -> None:
    found, said = get(stage.url, path)
    assert found == status
    assert sentence in said.decode()
    check_sentence(said.decode())
    assert get(stage.url, "clip.json")[0] == 200


@pytest.mark.parametrize(
    "asked", ["bytes=x-y", "bytes=5-1", "bytes=", "apples=0-1", "bytes=0-1,5-9", "bytes=-", "bytes", "0-1"]
)
def test_ranges_that_are_none(stage: Stage, asked: str) -> None:
    status, said = get(stage.url, "stage/main.js", Range=asked)
    assert status == 416
    assert "the header Range is " in said.decode()
    check_sentence(said.decode())
    assert get(stage.url, "stage/main.js", Range="bytes=0-9") == (206, get(stage.url, "stage/main.js")[1][:10])
    assert get(stage.url, "stage/main.js", Range="bytes=99999999-")[0] == 416


def test_a_socket_that_is_asked_for_without_its_greeting(stage: Stage) -> None:
    status, said = get(stage.url, "socket")
    assert status == 400
    check_sentence(said.decode())


FILMS: list[tuple[Any, str]] = [
    ([], "a film is asked for by an object"), ({}, "size is null"), ({"size": [64, 64]}, "fps is null"),
    ({"size": [64, 64], "fps": 5}, "the path: neither"), ({"size": [64, 64], "fps": 5, "path": 7}, "the path: neither"),
    ({"size": [64, 64], "fps": 5, "path": {"frames": [None]}}, "frames[0] is NoneType"),
    ({"size": [64, 64], "fps": 5, "path": {"frames": []}}, "frames is 0 entries"),
    ({"size": [64, 64], "fps": 5, "path": {"camera_path": {}}}, "camera_path is dict"),
    ({"size": [64, 64], "fps": 5, "path": {"frames": [{"transform_matrix": [[0] * 4] * 4, "fl_x": 9}]}}, "frames[0]"),
    ({"size": [64, 64], "fps": 5, "path": {"frames": [{"transform_matrix": "eye"}]}}, "frames[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "sentence"), FILMS, ids=[sentence for _, sentence in FILMS])
def test_films_that_are_none(stage: Stage, asked: Any, sentence: str) -> None:
    status, said = get(stage.url, "film", "POST", asked)
    assert (status, sentence in said.decode()) == (400, True), said
    check_sentence(said.decode())


@pytest.mark.parametrize("change", [{"K": [0] * 9}, {"K": [[1, 0, 0], [0, 0, 0], [0, 0, 1]]}, {"R": "x"}, {"T": [1]}])
def test_films_by_cameras_that_are_none(stage: Stage, visitor: Visitor, change: dict[str, Any]) -> None:
    seen = visitor.clip["cameras"][0]
    square = {key: [seen[key][i : i + 3] for i in (0, 3, 6)] for key in ("K", "R")}
    camera = seen | square | {"pixel_offset": 0, "frame": 0} | change
    path = {"format": "dymap-cameras", "version": 1, "cameras": [camera]}
    status, said = get(stage.url, "film", "POST", {"path": path, "size": [64, 64], "fps": 5})
    assert (status, f"cameras[0]: {next(iter(change))}" in said.decode()) == (400, True), said
    check_sentence(said.decode())
