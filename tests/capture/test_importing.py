"""Importing videos: which pictures, when each camera began, what is written, and going on after a kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dymap import partials
from dymap.capture import read_source
from dymap.capture.calibrations import read_calibration
from dymap.capture.calibrations.sizes import Fit, scaled
from dymap.capture.decode import read_image
from dymap.capture.importing.cameras import named_for_folders
from dymap.capture.importing.matching import match_cameras
from dymap.capture.synchronise.motion import motion
from dymap.capture.videos import VideoFile
from dymap.capture.writers.easymocap import write_calibration
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.geometry.camera import Camera, look_at
from dymap.geometry.lens import undistort
from dymap.partials import this_process
from dymap.runs import VideoImport, import_videos
from dymap.runs.training_command import training_command
from dymap.signals import Ended, check_ended, threads
from tests.capture.calibrations.cameras import write_toml
from tests.capture.clips import number_of, numbered, numbered_clip, write_clip

WIDTH, HEIGHT = 64, 48
RATE = 16000


def ring(count: int = 3, width: int = WIDTH, height: int = HEIGHT) -> list[Camera]:
    K = np.array([[55.0, 0, width / 2 + 1], [0, 55.0, height / 2 - 1], [0, 0, 1]])
    angles = 0.9 * np.arange(count)
    eyes = [[3 * np.sin(a), -3 * np.cos(a), 0.4] for a in angles]
    return [Camera(K, *look_at(eye, [0, 0, 0]), width, height, name=f"cam{k + 1}") for k, eye in enumerate(eyes)]


def film_ball(
    path: Path,
    camera: Camera,
    offset: float,
    seconds: float = 6.0,
    fps: int = 30,
    scene: int = 7,
    sound: NDArray[np.floating] | None = None,
) -> Path:
    """A ball that moves as nothing else does, filmed from `offset` seconds on."""
    rng = np.random.default_rng(scene)
    waves = [(rng.uniform(0.4, 2.5), rng.uniform(0, 7), rng.normal(0, 0.16, 3)) for _ in range(10)]
    backdrop = rng.integers(70, 120, (camera.height // 8, camera.width // 8, 3), dtype=np.uint8)
    ground = cv2.resize(backdrop, (camera.width, camera.height), interpolation=cv2.INTER_LINEAR)
    pictures = []
    for k in range(int(seconds * fps)):
        t = offset + k / fps
        centre = sum(np.sin(2 * np.pi * f * t + phase) * amplitude for f, phase, amplitude in waves)
        (at,), (depth,) = camera.project(np.asarray(centre)[None])
        picture = ground.copy()
        centre_16 = (round(at[0] * 16), round(at[1] * 16))
        cv2.circle(picture, centre_16, round(16 * 15 / depth), (230, 200, 60), -1, cv2.LINE_AA, 4)
        pictures.append(picture)
    return write_clip(path, pictures, fps=fps, audio=None if sound is None else sound.astype(np.float32), rate=RATE)


def scene_sound(offset: float, seconds: float) -> NDArray[np.float32]:
    rng = np.random.default_rng(5)
    whole = rng.normal(0, 0.05, int(20 * RATE))
    for at in rng.integers(0, len(whole) - 800, 12):
        whole[at : at + 800] += rng.normal(0, 0.4, 800) * np.exp(-np.arange(800) / 120)
    begin = round((5 + offset) * RATE)
    return np.clip(whole[begin : begin + int(seconds * RATE)], -1, 1).astype(np.float32)


@pytest.fixture
def shoot(tmp_path: Path) -> Callable[..., VideoImport]:
    """Import three numbered clips, unless others are there."""
    write_calibration(tmp_path / "calibration", ring())
    (tmp_path / "videos").mkdir()

    def run(**how: Any) -> VideoImport:
        if not any((tmp_path / "videos").iterdir()):
            for k in range(3):
                numbered_clip(tmp_path / "videos" / f"cam{k + 1}.mp4", 20 + 2 * k)
        how = {"videos": [tmp_path / "videos"], "calibration": tmp_path / "calibration", "out": tmp_path / "out"} | how
        return import_videos(**how)

    return run


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_pictures_cameras_and_state_are_written(shoot: Callable[..., VideoImport]) -> None:
    made = shoot(ending="png")
    assert (made.frames, made.kept, made.audio, made.told) == (20, 0, None, ())
    assert made.fps == pytest.approx(30, rel=1e-3)
    source = read_source(made.folder, CaptureConfig())
    assert source.fps == pytest.approx(made.fps)
    assert "--fps 30" in training_command(made.folder, source)
    for camera, true in zip(read_calibration(made.folder), ring(), strict=True):
        assert (camera.name, camera.width, camera.height) == (true.name, WIDTH, HEIGHT)
        for key in ("K", "R", "T", "D"):
            np.testing.assert_allclose(getattr(camera, key), getattr(true, key), atol=1e-12)
        for frame in range(20):
            picture = read_image(made.folder / f"images/{camera.name}/{frame:06d}.png")
            assert number_of(picture) == frame
    state = json.loads((made.folder / "import.json").read_text())
    assert state["done"] is True
    assert len(state["times"]) == 20
    assert state["offsets"][1] == {"seconds": 0.0, "by": "assumed", "confidence": 0.0}


def test_offsets_interval_and_rate_choose_pictures_by_time(shoot: Callable[..., VideoImport], tmp_path: Path) -> None:
    (tmp_path / "offsets.json").write_text(json.dumps({"cam1": 1.0, "cam2": 1.1, "cam3": 0.8}))
    made = shoot(offsets=tmp_path / "offsets.json", start=0.2, end=0.6, ending="png")
    numbers = [
        [number_of(read_image(made.folder / f"images/{name}/{frame:06d}.png")) for frame in range(made.frames)]
        for name in ("cam1", "cam2", "cam3")
    ]
    assert numbers[0] == list(range(6, 18))
    assert numbers[1] == [k - 3 for k in range(6, 18)]
    assert numbers[2] == [k + 6 for k in range(6, 18)]
    made = shoot(out=tmp_path / "slow", fps=10, frames=4, ending="png")
    found = [number_of(read_image(made.folder / f"images/cam2/{frame:06d}.png")) for frame in range(4)]
    assert found == [0, 3, 6, 9]
    assert made.fps == pytest.approx(10)


def test_sound_tells_when_cameras_began(shoot: Callable[..., VideoImport], tmp_path: Path) -> None:
    offsets = (0.0, 0.3127, -0.411)
    for k, offset in enumerate(offsets):
        pictures = [numbered(n % 256) for n in range(120)]
        sound = (0.3 + 0.3 * k) * scene_sound(offset, 4.0)
        write_clip(tmp_path / "videos" / f"cam{k + 1}.mp4", pictures, audio=sound, rate=RATE)
    made = shoot(offsets="auto", ending="png", frames=5)
    for one, offset in zip(made.cameras, offsets, strict=True):
        assert one.offset.seconds == pytest.approx(offset, abs=0.002)
    assert {one.offset.by for one in made.cameras[1:]} == {"sound"}
    assert min(one.offset.confidence for one in made.cameras[1:]) > 20
    assert made.audio == tmp_path / "out" / "audio.wav"


def test_motion_tells_when_cameras_began_to_a_fraction_of_a_frame(
    shoot: Callable[..., VideoImport], tmp_path: Path
) -> None:
    offsets = (0.0, 0.25 + 0.4 / 30, -0.5 + 0.3 / 30)
    for camera, offset in zip(ring(), offsets, strict=True):
        film_ball(tmp_path / "videos" / f"{camera.name}.mp4", camera, offset)
    made = shoot(offsets="auto", frames=3)
    for one, offset in zip(made.cameras, offsets, strict=True):
        assert one.offset.seconds == pytest.approx(offset, abs=0.35 / 30)
    assert made.cameras[1].offset.by == "motion"
    before = json.loads((made.folder / "import.json").read_text())["offsets"]
    (made.folder / "images/cam2/000001.jpg").unlink()
    again = shoot(offsets="auto", frames=3)
    assert json.loads((made.folder / "import.json").read_text())["offsets"] == before
    assert again.kept == 8


def test_motion_counts_inside_masks(shoot: Callable[..., VideoImport], tmp_path: Path) -> None:
    """A lamp that flickers at other times in each view, outside the masks."""
    offsets = (0.0, 0.2)
    write_calibration(tmp_path / "two", ring(2))
    for k, (camera, offset) in enumerate(zip(ring(2), offsets, strict=True)):
        path = film_ball(tmp_path / "videos" / f"{camera.name}.mp4", camera, offset)
        video, rng = VideoFile(path), np.random.default_rng(k)
        pictures = [video.picture(index) for index in range(len(video.times))]
        masks = []
        for picture in pictures:
            masks.append(np.where((picture[..., 0] > 150)[..., None], 255, 0).astype(np.uint8).repeat(3, axis=2))
            picture[:, :20] = rng.choice([10, 240])
        for mask in masks:
            mask[:, :24] = 0
        write_clip(path, pictures)
        (tmp_path / "masks").mkdir(exist_ok=True)
        write_clip(tmp_path / "masks" / f"{camera.name}.mp4", masks)
    made = shoot(calibration=tmp_path / "two", offsets="auto", masks=tmp_path / "masks", frames=2)
    assert made.cameras[1].offset.seconds == pytest.approx(0.2, abs=0.6 / 30)
    assert made.has_masks
    mask = cv2.imread(str(made.folder / "masks/cam2/000001.png"), cv2.IMREAD_UNCHANGED)
    assert mask is not None
    assert mask.shape == (HEIGHT, WIDTH)
    assert set(np.unique(mask)) == {0, 255}


def test_offsets_of_which_nothing_is_sure_are_not_taken(shoot: Callable[..., VideoImport], tmp_path: Path) -> None:
    for camera, seed in zip(ring(), range(3), strict=True):
        noise = np.random.default_rng(seed).integers(0, 255, (120, 6, 8, 3), dtype=np.uint8)
        pictures = [cv2.resize(picture, (WIDTH, HEIGHT)) for picture in noise]
        write_clip(tmp_path / "videos" / f"{camera.name}.mp4", pictures)
    with pytest.raises(InputError, match=r"cam2\.mp4: when its camera began cannot be told by motion: 'cam2' \("):
        shoot(offsets="auto")


def test_one_video_began_when_it_began(shoot: Callable[..., VideoImport], tmp_path: Path) -> None:
    numbered_clip(tmp_path / "videos" / "cam2.mp4", 5)
    made = shoot(offsets="auto")
    assert [vars(one.offset) for one in made.cameras] == [{"seconds": 0.0, "by": "itself", "confidence": 0.0}]


@pytest.mark.parametrize("silent", ["no track", "a track of silence", "a track of one sample"])
def test_if_one_video_is_silent_motion_tells(shoot: Callable[..., VideoImport], tmp_path: Path, silent: str) -> None:
    tracks = {"no track": None, "a track of silence": np.zeros(4 * RATE), "a track of one sample": np.ones(1)}
    for k, camera in enumerate(ring()):
        sound = scene_sound(0.0, 4.0) if k != 1 else tracks[silent]
        film_ball(tmp_path / "videos" / f"{camera.name}.mp4", camera, 0.1 * k, 4.0, sound=sound)
    made = shoot(offsets="auto", frames=1)
    assert {one.offset.by for one in made.cameras[1:]} == {"motion"}
    assert [one.offset.seconds for one in made.cameras] == pytest.approx([0.0, 0.1, 0.2], abs=0.6 / 30)


def test_recordings_too_short_to_compare_are_refused(shoot: Callable[..., VideoImport]) -> None:
    with pytest.raises(InputError, match=r"cam1\.mp4: 0\.7 seconds are too short to tell .*; give --offsets FILE"):
        shoot(offsets="auto")


def test_crop_and_undistortion_are_followed_by_the_cameras(shoot: Callable[..., VideoImport], tmp_path: Path) -> None:
    D = np.array([-0.2, 0.05, 0.001, -0.002, 0.0])
    cameras = [replace(camera, D=D) for camera in ring()]
    write_calibration(tmp_path / "lenses", cameras)
    whole = shoot(ending="png", frames=1)
    made = shoot(
        calibration=tmp_path / "lenses", out=tmp_path / "cropped", undistort=True, crop=(10, 6, 40, 30), frames=1,
        ending="png",
    )  # fmt: skip
    camera = read_calibration(made.folder)[1]
    assert (camera.width, camera.height, camera.distorted) == (40, 30, False)
    np.testing.assert_allclose(camera.K, cameras[1].K - [[0, 0, 10], [0, 0, 6], [0, 0, 0]])
    picture = read_image(whole.folder / "images/cam2/000000.png").astype(np.float32)
    expected = undistort(picture, cameras[1].K, D)[6:36, 10:50]
    assert np.abs(read_image(made.folder / "images/cam2/000000.png") - expected).max() <= 0.51
    made = shoot(calibration=tmp_path / "lenses", out=tmp_path / "only", crop=(10, 6, 40, 30), frames=1, ending="png")
    np.testing.assert_allclose(read_calibration(made.folder)[1].D, D)
    np.testing.assert_array_equal(read_image(made.folder / "images/cam2/000000.png"), picture[6:36, 10:50])
    with pytest.raises(InputError, match=r"--crop 30 0 40 30: leaves the picture of camera 'cam1', which is 64 x 48"):
        shoot(out=tmp_path / "outside", crop=(30, 0, 40, 30))
    write_calibration(tmp_path / "folds", [replace(camera, D=D * 40) for camera in cameras])
    with pytest.raises(InputError, match="the lens of camera 'cam1' folds"):
        shoot(calibration=tmp_path / "folds", out=tmp_path / "folded", undistort=True)


def test_a_calibration_of_another_size(shoot: Callable[..., VideoImport], tmp_path: Path) -> None:
    large = [replace(c, K=c.K * [[3, 1, 3], [1, 3, 3], [1, 1, 1]], width=192, height=144) for c in ring()]
    write_calibration(tmp_path / "large", large)
    made = shoot(calibration=tmp_path / "large", frames=1)
    assert made.told[0] == ("cam1: calibrated at 192 x 144, cam1.mp4 is 64 x 48, as a whole: K is scaled by 0.3333")
    camera = read_calibration(made.folder)[0]
    point = np.array([[0.3, 0.2, 0.1]])
    (at,), _ = large[0].project(point)
    (found,), _ = camera.project(point)
    np.testing.assert_allclose((at + 0.5) / 3, found + 0.5, atol=1e-9)
    write_calibration(tmp_path / "turned", [replace(c, width=48, height=64) for c in ring()])
    with pytest.raises(InputError, match="the same turned"):
        shoot(calibration=tmp_path / "turned", out=tmp_path / "t")
    write_calibration(tmp_path / "wide", [replace(c, width=90) for c in ring()])
    with pytest.raises(InputError, match=r"calibrated at 90 x 48, cam1\.mp4 is 64 x 48, another shape; say how the"):
        shoot(calibration=tmp_path / "wide", out=tmp_path / "w")
    shoot(calibration=tmp_path / "wide", out=tmp_path / "w", scale_calibration="cut", frames=1)


@pytest.mark.parametrize("how", ["whole", "bars", "cut"])
def test_cameras_follow_pictures_however_they_are_brought_to_a_size(how: Fit) -> None:
    """A point of the picture before and after, by OpenCV's own resizing."""
    camera = replace(ring(1, 160, 96)[0], name="cam1")
    (at,), _ = camera.project([[0.4, 0.1, -0.2]])
    rows, columns = np.indices((96, 160))
    dot = np.exp(-((columns - at[0]) ** 2 + (rows - at[1]) ** 2) / 50).astype(np.float32)
    width, height = 100, 90
    factors = np.array([width / 160, height / 96])
    if how != "whole":
        factors[:] = factors.min() if how == "bars" else factors.max()
    new = np.rint(factors * [160, 96]).astype(int)
    small = cv2.resize(dot, tuple(int(side) for side in new), interpolation=cv2.INTER_AREA)
    left, top = (np.array([width, height]) - new) // 2
    canvas = cv2.copyMakeBorder(small, max(top, 0), max(top, 0), max(left, 0), max(left, 0), cv2.BORDER_CONSTANT)
    canvas = canvas[max(-top, 0) :, max(-left, 0) :][:height, :width]
    rows, columns = np.indices(canvas.shape)
    centre = np.array([(canvas * columns).sum(), (canvas * rows).sum()]) / canvas.sum()
    (found,), _ = scaled(camera, (width, height), how).project([[0.4, 0.1, -0.2]])
    np.testing.assert_allclose(found, centre, atol=0.02)


def test_black_bars_that_are_seen_are_certain(shoot: Callable[..., VideoImport], tmp_path: Path) -> None:
    """As a converter makes 64 x 60 of pictures of 64 x 48."""
    for k in range(3):
        pictures = [np.zeros((60, 64, 3), np.uint8) for _ in range(4)]
        for n, picture in enumerate(pictures):
            picture[6:54] = numbered(n)
        write_clip(tmp_path / "videos" / f"cam{k + 1}.mp4", pictures)
    made = shoot()
    moved = np.array([[0.0, 0, 0], [0, 0, 6], [0, 0, 0]])
    np.testing.assert_allclose(read_calibration(made.folder)[0].K, ring()[0].K + moved)
    assert made.told[0].endswith("fitted in with black bars: K is scaled by 1.0000")


def test_an_import_that_was_killed_goes_on(tmp_path: Path, shoot: Callable[..., VideoImport]) -> None:
    for k in range(3):
        numbered_clip(tmp_path / "videos" / f"cam{k + 1}.mp4", 100)
    code = (
        "import sys; from dymap.runs import import_videos; "
        "import_videos([sys.argv[1] + '/videos'], sys.argv[1] + '/calibration', sys.argv[1] + '/out')"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    images = tmp_path / "out" / "images"
    while child.poll() is None and len(list(images.rglob("*.jpg"))) < 40:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "out" / "intri.yml").exists()
    before = len(list(images.glob("*/[0-9]*.jpg")))  # in a folder below are those that were being written
    made = shoot()
    assert made.kept == before > 20
    fresh = shoot(out=tmp_path / "fresh")
    assert {k: v for k, v in files(made.folder).items() if k != "import.json"} == {
        k: v for k, v in files(fresh.folder).items() if k != "import.json"
    }


def test_what_a_killed_import_left_is_no_strangers(
    tmp_path: Path, shoot: Callable[..., VideoImport], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before its state was written, and before a picture was."""
    for k in range(3):
        numbered_clip(tmp_path / "videos" / f"cam{k + 1}.mp4", 3)
    left = f".a.{this_process().machine}-99999999-5-0.partial"
    out = tmp_path / "out"
    (out / left).mkdir(parents=True)
    made = shoot()
    assert not (out / left).exists()
    (out / "images/cam1" / left).mkdir()
    monkeypatch.setattr(partials, "_next_look", {})  # as in a new process
    assert shoot().kept == made.frames * 3
    assert not (out / "images/cam1" / left).exists()


def test_ctrl_c_ends_an_import_soon(tmp_path: Path, shoot: Callable[..., VideoImport]) -> None:
    for k in range(3):
        numbered_clip(tmp_path / "videos" / f"cam{k + 1}.mp4", 100)
    updates = 0

    @contextmanager
    def bars(title: str) -> Iterator[Callable[[int, int], None]]:
        def update(*_: int) -> None:
            nonlocal updates
            if title == "write pictures":
                updates += 1
                if updates == 6:
                    signal.raise_signal(signal.SIGINT)
                if updates >= 6:  # from here on each picture takes a while
                    time.sleep(0.3)

        yield update

    with pytest.raises(KeyboardInterrupt):
        shoot(progress=bars)
    written = len(list((tmp_path / "out" / "images").rglob("[0-9]*.jpg")))
    assert 6 <= written < 60
    assert shoot().kept == written


@pytest.mark.parametrize("what", ["motion", "packets"])
def test_what_is_read_of_a_whole_video_ends_with_its_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Other threads have failed while it reads."""
    video = VideoFile(numbered_clip(tmp_path / "long.mp4", 200))
    reached, left = Event(), Event()
    room = {"motion": "synchronise.motion", "packets": "video_packets"}[what]
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == 5:
            reached.set()
            left.wait(10)
            time.sleep(0.2)
        check_ended()

    jobs: list[Future[Any]] = []
    if what == "motion":
        assert len(video.times) == 200  # read before
    monkeypatch.setattr(f"dymap.capture.{room}.check_ended", step)
    with threads(1) as pool:
        jobs.append(pool.submit(motion, video, 60.0) if what == "motion" else pool.submit(lambda: video.packets))
        assert reached.wait(10)
        left.set()
    assert isinstance(jobs[0].exception(), Ended)
    assert steps < 200


def test_other_videos_or_options_are_not_mixed_into_an_import(
    shoot: Callable[..., VideoImport], tmp_path: Path
) -> None:
    shoot(frames=2)
    with pytest.raises(InputError, match="holds an import of other videos, or with other options"):
        shoot(frames=3)
    numbered_clip(tmp_path / "videos" / "cam2.mp4", 25)
    with pytest.raises(InputError, match="holds an import of other videos"):
        shoot(frames=2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="is there already, and no import of videos"):
        shoot(out=tmp_path / "mine")


def test_what_belongs_to_an_import_is_every_file_that_it_reads(
    shoot: Callable[..., VideoImport], tmp_path: Path
) -> None:
    """A calibration of several files in a folder that holds more, offsets, and the files of all masks."""
    numbered_clip(tmp_path / "videos" / "cam1.mp4", 4)
    model = tmp_path / "model" / "sparse" / "0"
    model.mkdir(parents=True)
    (model / "cameras.txt").write_text("1 PINHOLE 64 48 55 55 32 24\n")
    (model / "images.txt").write_text("1 1 0 0 0 0 0 3 1 cam1.jpg\n\n")
    masks = tmp_path / "masks" / "cam1"
    masks.mkdir(parents=True)
    for number in range(4):
        cv2.imwrite(str(masks / f"{number}.png"), np.full((HEIGHT, WIDTH), 255, np.uint8))
    (tmp_path / "offsets.csv").write_text("cam1,0\n")

    def make() -> VideoImport:
        return shoot(calibration=tmp_path / "model", offsets=tmp_path / "offsets.csv", masks=tmp_path / "masks")

    assert make().kept == 0
    (model / "project.ini").write_text("of no use here")
    (tmp_path / "masks" / "notes.txt").write_text("of no use here")
    assert make().kept == 4
    for path in (model / "cameras.txt", model / "images.txt", tmp_path / "offsets.csv", masks / "2.png"):
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        with pytest.raises(InputError, match="holds an import of other videos, or with other options"):
            make()
        path.write_bytes(before)
        shutil.rmtree(tmp_path / "out")
        make()
    (masks / "3.png").unlink()
    with pytest.raises(InputError, match="holds an import of other videos, or with other options"):
        make()


def test_masks_that_are_of_no_picture_are_refused(shoot: Callable[..., VideoImport], tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    with pytest.raises(InputError, match=r"--masks .*masks: no such folder; expected one that holds CAMERA\.mp4, or"):
        shoot(masks=masks)
    (masks / "Kamera1").mkdir(parents=True)
    expected = r"masks: holds masks of no camera; expected cam1\.mp4 or cam1/NUMBER\.png and so on, found Kamera1$"
    with pytest.raises(InputError, match=expected):
        shoot(masks=masks)
    (masks / "cam2").mkdir()
    with pytest.raises(InputError, match="holds masks of no camera"):
        shoot(masks=masks)
    assert not (tmp_path / "out").exists()
    cv2.imwrite(str(masks / "cam2" / "4711.png"), np.full((HEIGHT, WIDTH), 255, np.uint8))
    with pytest.raises(InputError, match="masks: none of its files is of a picture that is imported"):
        shoot(masks=masks)
    assert not (tmp_path / "out" / "images").exists()
    cv2.imwrite(str(masks / "cam2" / "1.png"), np.full((HEIGHT, WIDTH), 255, np.uint8))
    made = shoot(masks=masks, out=tmp_path / "some")
    assert made.told == (f"cameras without masks in {masks}: cam1, cam3",)
    assert [path.name for path in (made.folder / "masks").rglob("*.png")] == ["000001.png"]


def test_files_may_call_cameras_as_the_calibration_does(shoot: Callable[..., VideoImport], tmp_path: Path) -> None:
    """Names with a space and a dot, of which folders are called otherwise; and a camera that is called as the folder
    of another one."""
    names = ["Cam 1", "GoPro.2", "Cam_1"]
    text = write_toml(tmp_path / "named.toml", tuple(ring())).read_text()
    for k, name in enumerate(names, 1):
        text = text.replace(f"name = 'cam{k}'", f"name = '{name}'")
    (tmp_path / "named.toml").write_text(text)
    click = np.random.default_rng(0).uniform(-0.9, 0.9, RATE).astype(np.float32)
    for name in names:
        pictures = [numbered(n) for n in range(20)]
        write_clip(tmp_path / "videos" / f"{name}.mp4", pictures, audio=click if name == "GoPro.2" else None, rate=RATE)
        (tmp_path / "masks" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "masks" / name / "8.png"), np.full((HEIGHT, WIDTH), 255, np.uint8))
    (tmp_path / "offsets.json").write_text(json.dumps({"Cam 1": 0.0, "GoPro.2": 0.1, "Cam_1": -0.1}))
    how = {"calibration": tmp_path / "named.toml", "offsets": tmp_path / "offsets.json", "masks": tmp_path / "masks"}
    made = shoot(**how, audio="GoPro.2")
    assert [round(one.offset.seconds, 6) for one in made.cameras] == [0.0, -0.1, 0.1]  # in the order of the videos
    assert made.told == ()
    assert made.audio is not None
    folders = [one.camera.name for one in made.cameras]
    assert len(set(folders)) == 3
    written = {path.parent.name for path in (made.folder / "masks").rglob("*.png")}
    assert written == set(folders)
    (tmp_path / "offsets.json").write_text(json.dumps({"Cam 1": 0.0, "GoPro_2": 0.1, "Cam_1": -0.1}))
    made = shoot(**how, audio="GoPro_2", out=tmp_path / "folders")
    assert {round(one.offset.seconds, 6) for one in made.cameras} == {0.0, -0.1, 0.1}
    with pytest.raises(InputError, match=r"--audio 'cam 1': no such camera; there are Cam 1, Cam_1, GoPro\.2"):
        shoot(**how, audio="cam 1", out=tmp_path / "none")


def test_frames_that_a_camera_lacks_are_told(shoot: Callable[..., VideoImport], tmp_path: Path) -> None:
    for k in range(3):
        times = [n / 30 for n in range(20) if k != 1 or n not in (8, 9)]
        numbered_clip(tmp_path / "videos" / f"cam{k + 1}.mp4", len(times), times=times)
    made = shoot()
    assert made.told == ("cam2 lacks 2 frames: it has no picture within 0.75 of its intervals",)
    assert not (made.folder / "images/cam2/000008.jpg").exists()
    assert (made.folder / "images/cam1/000008.jpg").exists()


def test_sound_of_one_camera_is_kept_from_the_first_frame_to_the_last(
    shoot: Callable[..., VideoImport], tmp_path: Path
) -> None:
    """A click half a second into the second video, whose camera began 0.2 seconds late."""
    click = np.zeros(2 * RATE, np.float32)
    click[RATE // 2 : RATE // 2 + 200] = np.random.default_rng(0).uniform(-0.9, 0.9, 200)
    for k in range(3):
        pictures = [numbered(n) for n in range(60)]
        write_clip(tmp_path / "videos" / f"cam{k + 1}.mp4", pictures, audio=click if k == 1 else None, rate=RATE)
    (tmp_path / "offsets.csv").write_text("cam1,0\ncam2,0.2\ncam3,0\n")
    made = shoot(offsets=tmp_path / "offsets.csv", start=0.5, end=1.5)
    assert made.audio is not None
    with wave.open(str(made.audio)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(1.0, abs=0.001)
        samples = np.frombuffer(file.readframes(10**6), "<i2").reshape(-1, 2).astype(float)
    loud = np.flatnonzero(np.abs(samples[:, 0]) > 3000)
    assert loud[0] / 48000 == pytest.approx(0.5 + 0.2 - 0.5, abs=0.004)
    with pytest.raises(InputError, match="--audio 'cam9': no such camera"):
        shoot(offsets=tmp_path / "offsets.csv", out=tmp_path / "b", audio="cam9")
    with pytest.raises(InputError, match=r"cam3\.mp4: holds no sound"):
        shoot(offsets=tmp_path / "offsets.csv", out=tmp_path / "c", audio="cam3")


def test_videos_and_cameras_come_together_by_name_or_by_order(tmp_path: Path) -> None:
    cameras = ring()
    here = tmp_path / "calibration"

    def names(*videos: str) -> list[str]:
        return [camera.name for camera in match_cameras([Path(video) for video in videos], cameras, here).cameras]

    assert names("CAM3.MP4", "cam1.mov", "cam2.mp4") == ["cam3", "cam1", "cam2"]
    assert names("take1_cam2.mp4", "take1_cam1.mp4") == ["cam2", "cam1"]
    assert names("cam2/GX0001.mp4", "cam1/GX0001.mp4") == ["cam2", "cam1"]
    assert match_cameras([Path("cam1.mp4")], cameras, here).left_out == ("cam2", "cam3")
    by_order = match_cameras([Path("a.mp4"), Path("b.mp4"), Path("c.mp4")], cameras, here)
    assert (by_order.by, [camera.name for camera in by_order.cameras]) == ("order", ["cam1", "cam2", "cam3"])
    for videos in (["cam1.mp4", "cam12.mp4"], ["a.mp4", "b.mp4"], ["cam1.mp4", "x.mp4", "y.mp4"]):
        with pytest.raises(InputError, match=r"knows 3 cameras .* cannot be told; there are"):
            names(*videos)


def test_names_that_are_no_folders_are_changed() -> None:
    given = ["../up", "Kamera Ä", "a/b", "a_b", "A.b", "", "cam1"]
    found = [camera.name for camera in named_for_folders([replace(ring()[0], name=name) for name in given])]
    assert found == ["up", "Kamera", "a_b", "a_b_2", "A_b_3", "camera", "cam1"]


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"fps": 0.0}, "--fps 0: expected"),
        ({"start": 2.0, "end": 1.0}, "expected seconds, the end after the start"),
        ({"frames": 0}, "--frames 0: expected 1 or more"),
        ({"start": 9.0}, "no moment from 9 to the end"),
        ({"videos": []}, "no videos are given"),
        ({"videos": ["calibration"]}, "holds no videos"),
        ({"videos": ["videos/cam1.mp4", "videos/cam1.mp4"]}, "is given twice"),
        ({"videos": ["videos/none.mp4"]}, "video is missing"),
        ({"calibration": "videos"}, "holds no calibration"),
        ({"offsets": "none.json"}, "cannot be read"),
        ({"ending": "tiff"}, "ending is 'tiff'; expected 'jpg' or 'png'"),
        ({"scale_calibration": "fit"}, "scale_calibration is 'fit'; expected 'whole', 'bars' or 'cut'"),
    ],
)
def test_what_cannot_be_imported_is_refused(
    shoot: Callable[..., VideoImport], tmp_path: Path, how: dict[str, Any], match: str
) -> None:
    shoot(out=tmp_path / "first", frames=1)
    given = dict(how)
    if "videos" in how:
        given["videos"] = [tmp_path / video for video in how["videos"]]
    for key in ("calibration", "offsets"):
        if key in how:
            given[key] = tmp_path / how[key]
    with pytest.raises(InputError, match=match):
        shoot(**given)
