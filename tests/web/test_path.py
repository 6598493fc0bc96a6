"""The camera path editor: key views, their line, preview, files, the film."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dymap.errors import InputError
from dymap.play.camera_file import read_cameras, write_cameras
from dymap.play.video import load
from dymap.runs.demonstration import PACKAGED
from tests.browser import Page, needs_browser
from tests.web.conftest import Stage
from tests.web.test_time import place

pytestmark = needs_browser
KEYS = "state().path.keys"


def add_keys(page: Page, count: int = 3) -> None:
    for index in range(count):
        page.press("k")  # the first opens the tab
        page.evaluate(f"stage.playback.seek({8 * (index + 1)})")
        for _ in range(3):
            page.press("ArrowRight")
    page.settle()


def choose_file(page: Page, path: Path) -> None:
    root = page.call("DOM.getDocument")["root"]["nodeId"]
    node = page.call("DOM.querySelector", nodeId=root, selector=".page-path input[type=file]")["nodeId"]
    page.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])


def test_key_views_are_added_chosen_moved_and_deleted(wide: Page) -> None:
    add_keys(wide)
    assert wide.evaluate(f"{KEYS}.map(key => [key.at, key.frame])") == [[0, 0], [1, 8], [2, 16]]
    assert wide.evaluate("document.querySelectorAll('.mark').length") == 3
    first = wide.evaluate(f"{KEYS}[0].pose.position")
    wide.click(".keys li:nth-child(1) .key")
    wide.until("!stage.motion.glide && state().selected === 0")
    assert np.allclose(wide.evaluate("state().pose.position"), first)
    assert wide.evaluate("state().frame") == 0
    wide.click('[aria-label="Later: key view 1"]')
    wide.settle()
    assert wide.evaluate(f"{KEYS}.map(key => [key.at, key.frame])") == [[0, 8], [1, 0], [2, 16]]
    wide.click('[aria-label="Earlier: key view 2"]')
    wide.settle()
    wide.fill('[aria-label="Second of key view 2"]', 1.5)
    assert wide.evaluate(f"{KEYS}.map(key => key.at)") == [0, 1.5, 2]
    wide.settle()
    wide.press("ArrowUp")
    wide.click('[aria-label="Set key view 2 to the present view"]')
    wide.settle()
    assert np.allclose(wide.evaluate(f"{KEYS}[1].pose.position"), wide.evaluate("state().pose.position"))
    wide.click('[aria-label="Delete key view 1"]')
    wide.settle()
    assert wide.evaluate(f"{KEYS}.map(key => key.at)") == [0, 0.5]
    wide.evaluate("stage.store.set({ tab: 'view' })")
    wide.press("Delete")
    assert wide.evaluate(f"{KEYS}.length") == 2, "nothing is deleted that cannot be seen"
    wide.evaluate("stage.store.set({ tab: 'path' })")
    wide.press("Delete")
    assert wide.evaluate(f"{KEYS}.length") == 1


def test_marks_are_dragged_to_another_time(wide: Page) -> None:
    add_keys(wide)
    room = 2 * 1.15
    wide.drag(*(place(wide, ".path-line", at / room) for at in (1, 1.2, 1.5)))
    assert wide.evaluate(f"{KEYS}[1].at") == pytest.approx(1.5, abs=0.02)
    wide.drag(place(wide, ".path-line", 1.5 / room), place(wide, ".path-line", 1), place(wide, ".path-line", 1))
    assert wide.evaluate(f"{KEYS}[1].at") == pytest.approx(2 - 1 / 24, abs=1e-6), "no other key view is passed"
    wide.drag(place(wide, ".path-line", 2 / room), place(wide, ".path-line", 2 / room))
    wide.until("state().selected === 2 && !stage.motion.glide")
    wide.evaluate("document.querySelector('.mark:nth-child(3)').focus()")
    wide.press("ArrowRight")
    assert wide.evaluate(f"{KEYS}[2].at") == pytest.approx(2.1)
    wide.drag(place(wide, ".path-line", 0.2), place(wide, ".path-line", 0.3))
    moment = wide.evaluate("state().moment")
    assert moment == pytest.approx(0.3 * 2.1 * 1.15, abs=0.02)
    assert wide.evaluate("state().frame") == int(moment * 24 + 1e-6), "the clip runs on in the film"


def test_the_preview_goes_through_the_key_views_and_ends(wide: Page) -> None:
    add_keys(wide)
    ends = wide.evaluate(f"[{KEYS}[0].pose.position, {KEYS}[2].pose.position]")
    wide.evaluate("stage.store.set({ moment: 2 })")
    wide.press("v")
    wide.until("state().moment > 0.2 && state().moment < 1.9")
    assert wide.evaluate("engine.requested.at(-1).moving")
    wide.until("!state().previewing")
    assert np.allclose(wide.evaluate("state().pose.position"), ends[1], atol=1e-9)
    assert wide.evaluate("state().frame") == 0, "2 s of 48 frames: round once"
    wide.evaluate("(input => input.click())(document.querySelector('.page-path input[value=keys]'))")
    wide.evaluate("stage.motion.showMoment(1.5)")
    assert wide.evaluate("state().frame") == 12


def test_a_saved_path_is_what_dymap_render_reads(wide: Page, stage: Stage) -> None:
    add_keys(wide)
    wide.click(".page-path section:nth-of-type(2) button:nth-of-type(1)")
    path = stage.saved("A_dancer_turns_path.json")
    cameras = read_cameras(path, (512, 512), 48)
    assert len(cameras) == 49
    keys = json.loads(path.read_text())["keys"]
    for index, key in ((0, 0), (24, 1), (48, 2)):
        assert np.allclose(cameras[index][0].position, keys[key]["position"])
    assert [frame for _, frame in cameras] == [index % 48 for index in range(49)]
    assert (cameras[0][0].width, cameras[0][0].height) == (1280, 720)
    fov = 2 * np.arctan(360 / cameras[0][0].K[1, 1])
    assert fov == pytest.approx(wide.evaluate("state().fov"))
    before = wide.evaluate(KEYS)
    wide.evaluate("stage.store.set({ path: { keys: [], time: 'runs', fps: 30 } })")
    choose_file(wide, path)
    wide.until(f"{KEYS}.length === 3")
    assert wide.evaluate(KEYS) == before
    path.unlink()


def test_paths_of_dymap_render_and_transforms_are_loaded(wide: Page, tmp_path: Path) -> None:
    cameras = load(PACKAGED).cameras[:4]
    write_cameras(tmp_path / "saved.json", [(camera, 2 * index) for index, camera in enumerate(cameras)])
    frames = []
    for index, camera in enumerate(cameras):
        pose = np.eye(4)
        pose[:3] = np.column_stack([camera.R.T * (1, -1, -1), camera.position])
        frames.append({"transform_matrix": pose.tolist(), "time": index / 3, "fl_x": camera.K[1, 1]})
    size = {"w": cameras[0].width, "h": cameras[0].height}
    (tmp_path / "transforms.json").write_text(json.dumps(size | {"frames": frames}))
    poses = [np.array(frame["transform_matrix"]).reshape(-1).tolist() for frame in frames]
    fovs = [np.degrees(2 * np.arctan(camera.height / 2 / camera.K[1, 1])) for camera in cameras]
    entries = [
        {"camera_to_world": pose, "fov": fov, "render_time": index / 3}
        for index, (pose, fov) in enumerate(zip(poses, fovs, strict=True))
    ]
    (tmp_path / "studio.json").write_text(json.dumps({"camera_path": entries}))
    evenly = [0, 16, 31, 47]
    for name, times in (("saved.json", [0, 2, 4, 6]), ("transforms.json", evenly), ("studio.json", evenly)):
        wide.evaluate("stage.store.set({ path: { keys: [], time: 'runs', fps: 30 } })")
        choose_file(wide, tmp_path / name)
        wide.until(f"{KEYS}.length === 4")
        read = read_cameras(tmp_path / name, (cameras[0].width, cameras[0].height), 48)
        assert [frame for _, frame in read] == times
        for index, (camera, _) in enumerate(read):
            key = wide.evaluate(f"{KEYS}[{index}]")
            assert np.allclose(key["pose"]["position"], camera.position, atol=1e-6)
            assert np.allclose(np.reshape(key["pose"]["R"], (3, 3)), camera.R, atol=1e-6)
            assert key["fov"] == pytest.approx(2 * np.arctan(camera.height / 2 / camera.K[1, 1]), rel=1e-6)
            assert key["frame"] == times[index]


KEY = {"at": 0, "frame": 0, "position": [0, 0, 0], "R": [1, 0, 0, 0, 1, 0, 0, 0, 1], "distance": 1, "fov": 1}


def own(**values: object) -> str:
    return json.dumps({"format": "dymap-cameras", "version": 1} | values)


HOSTILE = {
    "not JSON": ("{", "not JSON"),
    "another thing": ("[]", "neither a path of dymap"),
    "another version": (own(version=2), "version 2; this page reads 1"),
    "no cameras": (own(cameras=[]), "list of 1 to 100000"),
    "numbers missing": (own(cameras=[{"K": [[1]]}]), "camera 0: K"),
    "null": (own(cameras=[None]), "camera 0"),
    "keys out of order": (own(keys=[KEY | {"at": at} for at in (0, 2, 1)]), "not in the order of time"),
    "no rotation": (own(keys=[KEY | {"R": [1, 0, 0, 0, 2, 0, 0, 0, 1]}]), "keys[0].R holds no rotation"),
    "a lens that sees all": (own(keys=[KEY | {"fov": 3.14}]), "lens of 3.14 radians"),
    "a lens that sees nothing": (own(keys=[KEY | {"fov": 1e-9}]), "lens of 1e-9 radians"),
    "a view from nowhere": (own(keys=[KEY | {"position": [0, 1e300, 0]}]), "keys[0] is more than 1000000 m"),
    "a subject nowhere": (own(keys=[KEY | {"distance": 1e300}]), "keys[0].distance"),
    "a saved lens that sees all": (
        own(
            cameras=[{"K": [[1, 0, 0], [0, 1e-9, 0], [0, 0, 1]], "R": np.eye(3).tolist(), "T": [0, 0, 0], "height": 9}]
        ),
        "camera 0 has a lens of 3.14",
    ),
    "a frame outside": (own(keys=[KEY | {"frame": 48}]), "frame 48 is outside the clip"),
    "no lens": (json.dumps({"frames": [{"transform_matrix": np.eye(4).tolist()}]}), "no lens"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_broken_paths_are_refused_in_a_sentence(wide: Page, tmp_path: Path, what: str) -> None:
    text, message = HOSTILE[what]
    add_keys(wide, 1)
    (tmp_path / "path.json").write_text(text)
    if what in ("no lens", "no cameras"):
        with pytest.raises(InputError):
            read_cameras(tmp_path / "path.json", (512, 512), 48)
    choose_file(wide, tmp_path / "path.json")
    said = wide.until("document.querySelector('.trouble.shown')?.innerText ?? ''")
    assert said.startswith("path.json cannot be loaded: ")
    assert message in said
    assert wide.evaluate(f"{KEYS}.length") == 1, "the path stays as it was"
    wide.click('[aria-label="Close the message"]')
    assert not wide.evaluate("Boolean(document.querySelector('.trouble.shown'))")


def test_the_film_is_rendered_cancelled_and_saved(wide: Page, stage: Stage) -> None:
    add_keys(wide, 2)
    wide.fill('[aria-label="Size of the film"]', "256 256")
    wide.evaluate("engine.wishes.filmStep = 60")
    wide.click(".page-path section:nth-of-type(3) .accent")
    wide.until("document.querySelector('progress').value > 0.1")
    wide.click(".running button")
    wide.until("document.querySelector('.running').hidden")
    assert "Film cancelled" in wide.text()
    wide.evaluate("engine.wishes.filmStep = 5")
    wide.click(".page-path section:nth-of-type(3) .accent")
    assert stage.saved("A_dancer_turns.mp4").read_bytes() == b"film"
    film = wide.evaluate("engine.filmed")
    assert (film["size"], film["fps"], len(film["path"]["cameras"])) == ([256, 256], 24, 25)
    wide.evaluate("engine.film = async () => { throw new Error('the disk is full') }")
    wide.click(".page-path section:nth-of-type(3) .accent")
    said = wide.until("document.querySelector('.trouble.shown')?.innerText ?? ''")
    assert said.startswith("The film was not rendered: the disk is full")
    wide.evaluate("delete engine.film")
