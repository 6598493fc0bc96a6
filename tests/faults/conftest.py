"""How many faults there are, what they are tried on, and how many there were."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dymap.cli import main
from dymap.config import Config, to_json
from dymap.play.camera_file import write_cameras
from dymap.play.video import load
from dymap.runs import pack
from tests.capture.calibrations.test_qualisys import write_qualisys
from tests.capture.many_layouts import LAYOUTS, ball, write_pictures
from tests.capture.test_colmap import write_binary
from tests.captures import write_capture
from tests.cli.test_import import settings
from tests.faults.readers import WEIGHTS
from tests.faults.world import World, build
from tests.golden.sources import Golden
from tests.video.test_released import final_file
from tests.video.test_released_files import latest


@dataclass(frozen=True)
class Faults:
    """times: how many times as many as in CI. seed: of all that is drawn."""

    times: int
    seed: int


TALLY: Counter[str] = Counter()
"""What was tried, and how often."""


@pytest.fixture(scope="session")
def faults(request: pytest.FixtureRequest) -> Faults:
    return Faults(request.config.getoption("--faults"), request.config.getoption("--faults-seed"))


@pytest.fixture(scope="session")
def tally() -> Counter[str]:
    return TALLY


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TALLY:
        tried = ", ".join(f"{count} {what}" for what, count in TALLY.items())
        seed = terminalreporter.config.getoption("--faults-seed")
        terminalreporter.write_line(f"faults tried (--faults-seed {seed}): {tried}")


@pytest.fixture(scope="session")
def world(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("faults")
    boxes = folder / "boxes.npy"
    arrays = trimmed.arrays("small_fast")
    np.save(boxes, np.stack([arrays[f"occ_wbounds_f{i}"] for i in range(5)]))
    root = folder / "world"
    root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DYMAP_CACHE", str(root / "cache"))
        return build(root, main, final_file(trimmed, folder), boxes, settings(trimmed))


@pytest.fixture(scope="session", autouse=True)
def _only_where_processes_fork() -> None:
    if not hasattr(os, "fork") or not Path("/proc/self/statm").exists():
        pytest.skip("children are forked and limited as on Linux")


@pytest.fixture(scope="session")
def sound(world: World, trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sound file for every reader (tests/faults/readers.py)."""
    folder = tmp_path_factory.mktemp("sound") / "files"
    world.restore()
    arrays = trimmed.arrays("dataset")
    write_capture(folder / "tiny", arrays, frames=2)
    shutil.copytree(world.root / "run", folder / "run")
    for name in ("final.pth", "boxes.npy"):
        shutil.copy(world.root / name, folder)
    for name in ("video.dymap", "sound.dymap"):
        shutil.copy(world.root / "run" / "video.dymap", folder / name)
    pack(folder / "sound.dymap", folder / "packed.dymap", title="A dancer")
    picture = arrays["cap_images"][0, 0]
    for name, image in (("image.jpg", picture), ("image.png", picture), ("grey.png", arrays["cap_mask"][0, 0])):
        assert cv2.imwrite(str(folder / name), image)
    config = Config(field=trimmed.config("small"), bake=trimmed.bake("small"))
    (folder / "released.json").write_text(json.dumps(to_json(config)))
    torch.save(latest(trimmed), folder / "latest.pth")
    weights = {key: torch.rand(shape) for key, shape in WEIGHTS.items()}
    torch.save(weights, folder / "trunk.pth")
    torch.save(weights, folder / "heads.pth", _use_new_zipfile_serialization=False)
    write_paths(folder)
    write_layouts(folder / "layouts")
    return folder


def write_layouts(folder: Path) -> None:
    """One small capture in each layout whose files have a form of their own."""
    source = ball()
    for name in (
        "actorshq",
        "calibrated",
        "colmap",
        "dna",
        "easymocap",
        "neural3d",
        "panoptic",
        "selfcap",
        "transforms",
    ):
        LAYOUTS[name](source, folder / name)
    write_pictures(source, folder / "binary")
    names = [f"{camera.name}/000000.png" for camera in source.cameras]
    write_binary(folder / "binary/sparse/0", source.cameras, names)
    write_pictures(source, folder / "qualisys")
    write_qualisys(folder / "qualisys/Calib.qca.txt", source.cameras)


def write_paths(folder: Path) -> None:
    """The same cameras in the three forms that are read."""
    video = load(folder / "sound.dymap")
    write_cameras(folder / "path.json", [(camera, frame) for frame, camera in enumerate(video.orbit(3, 32, 32))])
    to_world = [np.linalg.inv(camera.extrinsics) @ np.diag([1, -1, -1, 1]) for camera in video.orbit(3, 32, 32)]
    frames = [{"transform_matrix": pose.tolist(), "time": 0.5, "file_path": "a.png"} for pose in to_world]
    lens = {"fl_x": 40.0, "fl_y": 41.0, "cx": 16.0, "cy": 15.5, "w": 32, "h": 32, "k1": 0.0}
    (folder / "transforms.json").write_text(json.dumps(lens | {"frames": frames}))
    path = [{"camera_to_world": pose.ravel().tolist(), "fov": 50.0, "aspect": 1.0} for pose in to_world]
    head = {"camera_type": "perspective", "render_width": 32, "render_height": 32, "fps": 24, "seconds": 0.125}
    (folder / "camera_path.json").write_text(json.dumps(head | {"camera_path": path}))
