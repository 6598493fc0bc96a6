"""Films that the page asks for: made behind everybody's pictures, one at a time, and gone when the stage closes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import pytest

from dymap.errors import InputError
from dymap.stage.server import Stage
from tests.disks import files_of_at_most
from tests.stage.subjects import Gated
from tests.stage.visitor import Visitor, get, visit


def path_of(visitor: Visitor, images: int) -> dict[str, Any]:
    cameras = []
    for k in range(images):
        seen = visitor.clip["cameras"][k % 3]
        square = {key: [seen[key][i : i + 3] for i in (0, 3, 6)] for key in ("K", "R")}
        cameras.append(seen | square | {"pixel_offset": 0, "frame": k})
    return {"format": "dymap-cameras", "version": 1, "cameras": cameras}


def until(visitor: Visitor, film: str) -> list[dict[str, Any]]:
    """What is told of a film until it ends."""
    told = []
    while not told or told[-1]["state"] == "running":
        said = visitor.text("film")
        if said["film"] == film:
            told.append(said)
    return told


def test_a_path_becomes_a_film_with_progress(stage: Stage, visitor: Visitor, tmp_path: Path) -> None:
    asked = {"path": path_of(visitor, 6), "size": [64, 48], "fps": 12}
    status, answer = get(stage.url, "film", "POST", asked)
    film = json.loads(answer)["film"]
    assert status == 200
    told = until(visitor, film)
    assert told[-1]["state"] == "done"
    assert [one["done"] for one in told] == sorted(one["done"] for one in told)
    assert (told[-1]["done"], told[-1]["all"]) == (6, 6)
    status, data = get(stage.url, f"film/{film}")
    assert status == 200
    (tmp_path / "film.mp4").write_bytes(data)
    with av.open(str(tmp_path / "film.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, float(stream.average_rate or 0)) == (64, 48, 12)
        assert len(list(container.decode(video=0))) == 6
    with visit(stage.url) as late:
        assert late.text("film")["state"] == "done"
    folder = stage.films._folder
    assert folder is not None
    assert get(stage.url, f"film/{film}", "DELETE")[0] == 204
    assert list(folder.iterdir()) == []
    assert get(stage.url, f"film/{film}")[0] == 404


def test_a_film_that_grows_beyond_the_folder_is_ended(
    stage: Stage, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dymap.stage.film.MAX_BYTES", -1)
    asked = {"path": path_of(visitor, 24), "size": [96, 96], "fps": 24}
    film = json.loads(get(stage.url, "film", "POST", asked)[1])["film"]
    told = until(visitor, film)[-1]
    assert (told["state"], "GiB" in told["message"]) == ("failed", True)
    folder = stage.films._folder
    assert folder is not None
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o077 == 0


def test_one_film_at_a_time_which_can_be_cancelled_and_keeps_nobody_waiting(
    video: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dymap.stage.desk.PATIENCE", 1e9)  # else the film has a picture in between, now and then
    subject = Gated(video)
    with Stage(subject, port=0) as stage, visit(stage.url) as visitor:
        asked = {"path": path_of(visitor, 24), "size": [96, 96], "fps": 24}
        film = json.loads(get(stage.url, "film", "POST", asked)[1])["film"]
        status, said = get(stage.url, "film", "POST", asked)
        assert (status, b"another film" in said) == (400, True)
        for count in (2, 4, 6):
            subject.until(count - 1)
            visitor.view(moving=True, canvas=[64, 64])
            subject.until(count)
            subject.let()
            assert visitor.picture()[0]["kind"] == "draft"
        filmed = [width == 96 for width, _ in subject.until(7)]
        assert filmed == [True, False, True, False, True, False, True], "it gives way, and goes on"
        assert get(stage.url, f"film/{film}")[0] == 404
        assert get(stage.url, f"film/{film}", "DELETE")[0] == 204
        assert until(visitor, film)[-1]["state"] == "cancelled"
        again = json.loads(get(stage.url, "film", "POST", asked)[1])["film"]
        assert again != film
        folder = stage.films._folder
    assert folder is not None
    assert not folder.exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"size": [1, 10]}, "size is"), ({"size": [100000, 10]}, "width is"), ({"size": [5000, 10]}, "size is"),
     ({"fps": 0}, "fps is 0"), ({"fps": "x"}, "fps is"), ({"path": {}}, "the path: neither"),
     ({"path": []}, "the path"),
     ({"path": {"format": "dymap-cameras", "version": 1, "cameras": [{}]}}, "the path: cameras[0]: K is missing"),
     ({"path": {"format": "dymap-cameras", "version": 1, "cameras": []}}, "0 entries"),
     ({"background": 3}, "background")],
)  # fmt: skip
def test_what_cannot_be_filmed_is_said(stage: Stage, visitor: Visitor, change: dict[str, Any], sentence: str) -> None:
    status, said = get(stage.url, "film", "POST", {"path": path_of(visitor, 2), "size": [64, 64], "fps": 5} | change)
    assert status == 400
    assert sentence in said.decode()
    assert "\n" not in said.decode().strip()


def test_what_is_no_request_for_a_film_is_refused(stage: Stage) -> None:
    for body in (b"", b"{", b"[1]", b"7", b"[" * 100_000, b"\xff\xfe"):
        assert get(stage.url, "film", "POST", body)[0] == 400
    assert get(stage.url, "film", "POST", {}, **{"Content-Type": "text/plain"})[0] == 415
    assert get(stage.url, "film/nothing", "DELETE")[0] == 404
    assert get(stage.url, "film/..%2f..%2fx")[0] == 404


def test_a_film_for_which_the_disk_has_no_room_is_said_and_the_next_is_made(
    stage: Stage, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = {"path": path_of(visitor, 24), "size": [512, 512], "fps": 24}
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    status, said = get(stage.url, "film", "POST", asked)
    assert (status, b"no room for temporary files" in said) == (400, True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for most in (0, 2000):
        with files_of_at_most(most):
            film = json.loads(get(stage.url, "film", "POST", asked)[1])["film"]
            told = until(visitor, film)[-1]
        assert told["state"] == "failed"
        assert "File too large" in told["message"]
    asked["size"] = [32, 32]
    assert until(visitor, json.loads(get(stage.url, "film", "POST", asked)[1])["film"])[-1]["state"] == "done"
    stage.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="closed"):
        stage.films.start(asked)


@pytest.mark.filterwarnings("ignore:a picture could not be drawn")
def test_a_film_that_fails_says_why(stage: Stage, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(stage.subject, "renderer", broken)
    asked = {"path": path_of(visitor, 2), "size": [64, 64], "fps": 5}
    film = json.loads(get(stage.url, "film", "POST", asked)[1])["film"]
    told = until(visitor, film)[-1]
    assert (told["state"], told["message"]) == ("failed", "no such luck")
