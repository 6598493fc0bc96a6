"""The browser's reader of clips against Python's: the same numbers to the bit, and the same facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dymap.geometry.camera import up_direction
from dymap.video.clip import BakedVideo
from dymap.video.model_file import load_video, save_video
from dymap.video.spans import shares
from tests.golden.sources import Golden
from tests.video.videos import painted_video
from tests.web.clips import packed_bits, write_clips
from tests.web.node import needs_node, run_node

pytestmark = needs_node
KINDS = ("painted", "several segments", "odd sizes", "one voxel", "nothing")
each_clip = pytest.mark.parametrize("kind", KINDS)


class Clips:
    """Files of all kinds, and what node read of them."""

    def __init__(self, folder: Path, golden: Golden):
        self.folder, self.paths = folder, write_clips(folder, golden)
        self.told: dict[str, Any] = {}
        for kind, path in self.paths.items():
            (folder / kind).mkdir()
            (self.told[kind],) = run_node("read_clip.mjs", folder / kind, path)

    def arrays(self, kind: str, index: int) -> dict[str, np.ndarray]:
        """Those of a segment, flat."""
        data, at, out = (self.folder / kind / f"segment-{index}.bin").read_bytes(), 0, {}
        for name, count in self.told[kind]["segments"][index]["arrays"].items():
            out[name] = np.frombuffer(data, "<u4" if name == "occupancy" else "<f4", count, at)
            at += 4 * count
        assert at == len(data)
        return out


@pytest.fixture(scope="module")
def clips(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.mktemp("clips"), trimmed)


@each_clip
def test_every_number_is_the_same_to_the_bit(clips: Clips, kind: str) -> None:
    video = load_video(clips.paths[kind])
    for index in range(len(video.segments)):
        found, segment = clips.arrays(kind, index), video.segment(index)
        expected = {name: value.numpy() for name, value in segment.field.state_dict().items()}
        expected["occupancy"] = packed_bits(segment.occupancy)
        assert len(found) == len(expected)
        for name, value in expected.items():
            own = found[name.removeprefix("hash.")]
            assert own.tobytes() == np.ascontiguousarray(value).tobytes(), f"{kind}, segment {index}: {name}"


@each_clip
def test_facts_are_those_of_the_file(clips: Clips, kind: str) -> None:
    video, told = load_video(clips.paths[kind]), clips.told[kind]
    about = told["description"]
    texts = video.name, video.about.title, video.about.author, video.about.licence, video.fps
    assert tuple(about[key] for key in ("name", "title", "author", "licence", "fps")) == texts
    assert about["frames"] == len(video.frames)
    assert about["bytes"] == clips.paths[kind].stat().st_size
    assert np.array_equal(np.float32(about["boxes"]), video.boxes.numpy().reshape(-1))
    assert (about["poster"] is not None) == bool(video.poster)
    assert tuple(about["viewerBox"]) == video.viewer_box
    assert [(s["first"], s["stop"]) for s in told["segments"]] == list(video.segments)
    assert tuple(told["grid"]) == video.bake.grid
    config, levels = video.segment(0).field.config, video.segment(0).field.hash.levels
    for key in ("channels", "view_dim", "map_params", "code_dim", "layers"):
        assert told["field"][key] == getattr(config, key), key
    assert tuple(told["levels"]["offsets"]) == levels.offsets
    assert tuple(told["levels"]["scales"]) == levels.scales
    check_cameras(about, video)


def check_cameras(about: dict[str, Any], video: BakedVideo) -> None:
    assert len(about["cameras"]) == len(video.cameras)
    for index, (found, camera) in enumerate(zip(about["cameras"], video.cameras, strict=True)):
        assert (found["name"], found["width"], found["test"]) == (camera.name, camera.width, index in video.test_views)
        lens = camera.K.copy()
        lens[:2, 2] -= camera.pixel_offset  # the pixel at a whole number then has the same ray
        assert np.array_equal(found["K"], lens.reshape(-1))
        assert np.array_equal(found["R"], camera.R.reshape(-1))
        assert np.array_equal(found["T"], camera.T)
    assert np.allclose(about["up"], up_direction(video.cameras), atol=1e-9)


@each_clip
def test_segments_share_frames_as_in_python(clips: Clips, kind: str) -> None:
    video, told = load_video(clips.paths[kind]), clips.told[kind]["shares"]
    for frame, found in enumerate(told):
        ours = [(share["segment"], share["weight"]) for share in found]
        assert np.allclose(ours, shares(video.segments, frame))
        assert [share["frame"] for share in found] == [frame - video.segments[k].first for k, _ in ours]


def test_segments_without_a_decoder_of_their_own_share_one(clips: Clips) -> None:
    assert [segment["shared"] for segment in clips.told["several segments"]["segments"]] == [True, False, True, False]
    assert load_video(clips.paths["several segments"]).quantiser["start"] == 5


def test_a_file_of_version_1_is_refused_with_what_helps(trimmed: Golden, tmp_path: Path) -> None:
    save_video(tmp_path / "exact.dymap", painted_video(trimmed))
    (tmp_path / "page.dymap").write_text("<!doctype html><p>Not found")
    (tmp_path / "empty.dymap").write_bytes(b"")
    (tmp_path / "other.dymap").write_bytes(bytes(100))
    names = "exact", "page", "empty", "other"
    told = run_node("read_clip.mjs", "-", *(tmp_path / f"{name}.dymap" for name in names))
    for one, sentence in zip(told, ("dymap pack", "a web page", "is empty", "no dymap file"), strict=True):
        assert sentence in one["refused"]
