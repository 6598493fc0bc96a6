"""The baked file: what is saved comes back to the bit, and nothing that is not such a file is taken for one."""

from __future__ import annotations

import copy
import errno
import json
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import dymap.video.model_file as module
from dymap.config import to_json
from dymap.errors import InputError
from dymap.field.segment import Segment
from dymap.render.renderer import make_renderer
from dymap.video.clip import BakedVideo
from dymap.video.model_file import FORMAT, MAX_HEADER, load_video, read_header, save_video
from tests.disks import files_of_at_most
from tests.golden.sources import Golden
from tests.video.videos import painted_video


@pytest.fixture(scope="module")
def video(trimmed: Golden) -> BakedVideo:
    return painted_video(trimmed)


@pytest.fixture(scope="module")
def saved(video: BakedVideo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, shared: tests that damage it copy it first."""
    path = tmp_path_factory.mktemp("baked") / "body.dymap"
    save_video(path, video)
    return path


def test_everything_comes_back_to_the_bit(video: BakedVideo, saved: Path) -> None:
    back = load_video(saved)
    assert back.field.config == video.field.config
    before, after = video.field.state_dict(), back.field.state_dict()
    assert set(before) == set(after)
    for name, value in before.items():
        assert torch.equal(value, after[name]), name
        assert value.dtype == after[name].dtype
    assert torch.equal(back.occupancy, video.occupancy)
    assert back.occupancy.dtype == torch.bool
    for key in ("render", "bake", "fps", "frames", "train_views", "test_views", "name"):
        assert getattr(back, key) == getattr(video, key), key
    for ours, theirs in zip(back.cameras, video.cameras, strict=True):
        for key in ("K", "R", "T", "D"):
            np.testing.assert_array_equal(getattr(ours, key), getattr(theirs, key))
        assert (ours.name, ours.width, ours.height) == (theirs.name, theirs.width, theirs.height)
        assert ours.pixel_offset == theirs.pixel_offset
    assert not any(parameter.requires_grad for parameter in back.field.parameters())


def test_images_are_the_same_before_and_after(video: BakedVideo, saved: Path) -> None:
    back = load_video(saved)
    for index in (0, 4):
        for name in ("march", "volume"):
            ours, theirs = (
                make_renderer(name, one.field.at(index), one.occupancy[index], one.render).render(one.cameras[1])
                for one in (video, back)
            )
            assert ours.acc.max() > 0.5
            for key in ("rgb", "acc", "depth", "far", "hit"):
                assert torch.equal(getattr(ours, key), getattr(theirs, key)), key


def test_occupancy_takes_a_bit_a_voxel(video: BakedVideo, saved: Path) -> None:
    """Also where the number of voxels is no multiple of eight."""
    assert load_file(saved)["occupancy"].numel() == video.occupancy.numel() // 8
    grids = torch.rand(5, 3, 3, 3).gt(0.5)
    odd = replace(
        video, bake=replace(video.bake, grid=(3, 3, 3)), load=lambda _: Segment(video.field, grids)
    )  # 135 voxels
    path = saved.with_name("odd.dymap")
    save_video(path, odd)
    assert load_file(path)["occupancy"].numel() == 17
    assert torch.equal(load_video(path).occupancy, odd.occupancy)


def test_same_video_same_bytes(video: BakedVideo, saved: Path, tmp_path: Path) -> None:
    save_video(tmp_path / "again.dymap", video)
    assert (tmp_path / "again.dymap").read_bytes() == saved.read_bytes()


def test_pixel_offset_is_kept(video: BakedVideo, tmp_path: Path) -> None:
    path = tmp_path / "half.dymap"
    save_video(path, replace(video, cameras=tuple(replace(camera, pixel_offset=0.5) for camera in video.cameras)))
    assert {camera.pixel_offset for camera in load_video(path).cameras} == {0.5}


def rewrite(saved: Path, path: Path, header: Callable[[dict[str, Any]], Any] | None = None, **tensors: Any) -> Path:
    """A copy of the file with a changed header, without checksums, and other tensors (None: left out)."""
    content = {key.replace("__", "."): value for key, value in tensors.items()}
    kept = {key: value for key, value in (load_file(saved) | content).items() if value is not None}
    text = {key: value for key, value in read_header(saved).items() if key != "checksums"}
    text = text if header is None else header(text)
    save_file(kept, path, {FORMAT: text if isinstance(text, str) else json.dumps(text)})
    return path


def refused(path: Path, pattern: str) -> None:
    with pytest.raises(InputError, match=pattern) as caught:
        load_video(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 1e-5, 0.5, 0.999])
def test_truncated_file(saved: Path, tmp_path: Path, share: float) -> None:
    data = saved.read_bytes()
    path = tmp_path / "short.dymap"
    path.write_bytes(data[: int(len(data) * share)])
    refused(path, "not a complete dymap video")


def test_no_file_and_no_video(tmp_path: Path) -> None:
    refused(tmp_path / "none.dymap", "no such file")
    text = tmp_path / "text.dymap"
    text.write_text("hello " * 100)
    refused(text, "not a complete dymap video")
    refused(tmp_path, "not a complete dymap video")


def test_foreign_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    refused(path, "a safetensors file, but not a dymap video")
    save_file({"weight": torch.zeros(3)}, path, {"format": "pt"})
    refused(path, "a safetensors file, but not a dymap video")


def test_huge_headers(saved: Path, tmp_path: Path) -> None:
    """One that claims to be larger than the file, and one that is larger than any video's."""
    path = tmp_path / "huge.dymap"
    path.write_bytes(struct.pack("<Q", 2**62) + saved.read_bytes()[8:])
    refused(path, "not a complete dymap video")
    rewrite(saved, path, lambda header: json.dumps(header) + " " * MAX_HEADER)
    refused(path, "header")


def test_missing_tensor(saved: Path, tmp_path: Path) -> None:
    refused(rewrite(saved, tmp_path / "a.dymap", decoder__density__bias=None), "'decoder.density.bias' is missing")
    refused(rewrite(saved, tmp_path / "b.dymap", occupancy=None), "'occupancy' is missing")


def test_wrong_shapes(saved: Path, tmp_path: Path) -> None:
    path = rewrite(saved, tmp_path / "a.dymap", codes__weight=torch.zeros(5, 17))
    refused(path, r"'codes.weight' has shape \(5, 17\), expected \(5, 16\)")
    path = rewrite(saved, tmp_path / "b.dymap", occupancy=torch.zeros(7, dtype=torch.uint8))
    refused(path, r"'occupancy' has shape \(7,\), expected \(3840,\)")
    path = rewrite(saved, tmp_path / "c.dymap", lambda header: header | {"frames": [1, 2, 3]})
    refused(path, r"has shape \(5,")


@pytest.mark.parametrize(("name", "dtype"), [("occupancy", torch.float32), ("codes.weight", torch.int64)])
def test_wrong_types(saved: Path, tmp_path: Path, name: str, dtype: torch.dtype) -> None:
    tensors = {name.replace(".", "__"): load_file(saved)[name].to(dtype)}
    refused(rewrite(saved, tmp_path / "a.dymap", None, **tensors), f"{name!r} holds")


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_other_version(saved: Path, tmp_path: Path, version: Any) -> None:
    path = rewrite(saved, tmp_path / "a.dymap", lambda header: header | {"version": version})
    refused(path, f"version {version} of the file format; this dymap reads 1")


def without(key: str) -> Callable[[dict[str, Any]], Any]:
    return lambda header: {k: v for k, v in header.items() if k != key}


def changed(**values: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda header: header | values


DAMAGE = {
    "not JSON": lambda _: "{",
    "a list": lambda _: [],
    "no cameras": without("cameras"),
    "no name": without("name"),
    "unknown option": changed(field={"wings": 2}),
    "impossible planes": lambda header: changed(field=header["field"] | {"plane_size": 48})(header),
    "frames no numbers": changed(frames=["a"] * 5),
    "no frames": changed(frames=[]),
    "camera without K": lambda header: changed(cameras=[{**header["cameras"][0], "K": [[1]]}])(header),
    "a negative grid": lambda header: changed(bake=header["bake"] | {"grid": [-16, -16, 24]})(header),
    "a grid beyond counting": lambda header: changed(bake=header["bake"] | {"grid": [10**9] * 3})(header),
    "view that does not exist": changed(test_views=[6]),
    "fps": changed(fps="fast"),
    "no speed": changed(fps=0),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_header(saved: Path, tmp_path: Path, damage: Callable[[dict[str, Any]], Any]) -> None:
    refused(rewrite(saved, tmp_path / "a.dymap", damage), "damaged header")


def test_header_speaks_for_itself(video: BakedVideo, saved: Path) -> None:
    """What a reader in another language needs: plain JSON."""
    header = read_header(saved)
    assert header["format"] == "dymap-video"
    assert header["field"] == to_json(video.field.config)
    assert header["frames"] == [0, 3, 6, 9, 12]
    assert [camera["name"] for camera in header["cameras"]] == [f"cam {i}" for i in range(6)]


@pytest.mark.parametrize("half", [False, True])
def test_full_disk_changes_nothing(
    video: BakedVideo, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, half: bool
) -> None:
    path = tmp_path / "body.dymap"
    path.write_bytes(saved.read_bytes())

    def refuse(_: Any, partial: Path, *__: Any) -> None:
        if half:
            Path(partial).write_bytes(b"half of a file")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "save_file", refuse)
    with pytest.raises(InputError, match=r"body\.dymap: cannot be written \(No space left on device\)"):
        save_video(path, replace(video, name="other"))
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == saved.read_bytes()


def test_disk_that_really_runs_full(video: BakedVideo, saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "body.dymap"
    path.write_bytes(saved.read_bytes())
    with files_of_at_most(100_000), pytest.raises(InputError, match=r"body\.dymap: cannot be written"):
        save_video(path, replace(video, name="other"))
    assert list(tmp_path.iterdir()) == [path]
    assert load_video(path).name == "body"


def test_half_precision_is_half_the_size_and_rounds_once(video: BakedVideo, saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.dymap"
    save_video(path, video, half=True)
    assert path.stat().st_size < 0.55 * saved.stat().st_size
    back = load_video(path)
    assert torch.equal(back.field.boxes, video.field.boxes)
    for name, value in video.field.named_parameters():
        assert torch.equal(back.field.get_parameter(name), value.half().float()), name
        assert back.field.get_parameter(name).dtype == torch.float32


def test_viewer_box_comes_back_and_is_optional(video: BakedVideo, saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "viewer.dymap"
    save_video(path, replace(video, viewer_box=(0.8, 0.0, 0.0, 0.4)))
    assert load_video(path).viewer_box == (0.8, 0.0, 0.0, 0.4)
    header = read_header(saved)
    del header["viewer_box"], header["checksums"]
    older = tmp_path / "older.dymap"
    save_file(load_file(saved), older, {FORMAT: json.dumps(header)})
    assert load_video(older).viewer_box == (1.0, 0.0, 0.0, 0.0)


def test_half_precision_refuses_what_it_cannot_hold(trimmed: Golden, tmp_path: Path) -> None:
    video = copy.deepcopy(painted_video(trimmed))
    with torch.no_grad():
        video.field.decoder.density.bias[0] = 1e5
    with pytest.raises(InputError, match=r"decoder\.density\.bias holds values beyond 65504"):
        save_video(tmp_path / "half.dymap", video, half=True)
    assert list(tmp_path.iterdir()) == []


def test_a_flipped_bit_is_noticed_wherever_it_is(saved: Path, tmp_path: Path) -> None:
    data, draw = saved.read_bytes(), np.random.default_rng(0)
    before = load_video(saved)
    for place in draw.integers(8 * len(data), size=200):
        broken = bytearray(data)
        broken[place // 8] ^= 1 << place % 8
        (path := tmp_path / "flipped.dymap").write_bytes(broken)
        try:
            after = load_video(path)
        except InputError:
            continue
        # Only what says that there are checksums may have changed, and nothing that they guard.
        assert read_header(path).keys() ^ read_header(saved).keys() or place < 64 * 8
        assert torch.equal(after.occupancy, before.occupancy)


def test_numbers_that_are_not_finite_are_refused(saved: Path, tmp_path: Path) -> None:
    weight = load_file(saved)["codes.weight"]
    weight[1, 2] = torch.nan
    refused(rewrite(saved, tmp_path / "a.dymap", codes__weight=weight), "'codes.weight' holds values that are not fin")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fps", -1), ("fps", None), ("fps", 10**400), ("name", 5), ("name", ["a"]), ("frames", [1.5] * 5),
        ("frames", [True] * 5), ("path_views", [0] * 5_000), ("path_views", [-1]), ("train_views", ["0"]),
        ("transform", [1.0] * 16), ("transform", [1, 2]), ("cameras", [[]]), ("viewer_box", [1, 2]),
    ],
)  # fmt: skip
def test_headers_that_cannot_be_are_refused(saved: Path, tmp_path: Path, key: str, value: Any) -> None:
    refused(rewrite(saved, tmp_path / "a.dymap", lambda header: header | {key: value}), "damaged header")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("K", [[-50.0, 0, 24], [0, 50, 18], [0, 0, 1]]),
        ("K", [[50.0, 0, 24], [0, 50, 18], [0, 0, 2]]),
        ("R", [[1.0, 0.3, 0], [0, 1, 0], [0, 0, 1]]),
        ("R", [[1.0, 0, 0], [0, 1, 0], [0, 0, -1]]),
        ("T", [float("nan"), 0.0, 0.0]),
        ("width", 16_000), ("width", 10**9), ("width", 0), ("height", "48"), ("name", None), ("pixel_offset", 1e9),
    ],
)  # fmt: skip
def test_cameras_that_cannot_be_are_refused(saved: Path, tmp_path: Path, key: str, value: Any) -> None:
    def change(header: dict[str, Any]) -> dict[str, Any]:
        camera = header["cameras"][0] | {key: value} | ({"height": value} if key == "width" else {})
        return header | {"cameras": [camera]} | {"train_views": [0], "test_views": []}

    refused(rewrite(saved, tmp_path / "a.dymap", change), "damaged header")


def test_boxes_that_cannot_be_are_refused(saved: Path, tmp_path: Path) -> None:
    boxes = load_file(saved)["boxes"]
    for wrong in (boxes.flip(1), boxes * 1e9):
        refused(rewrite(saved, tmp_path / "a.dymap", boxes=wrong), "boxes that cannot be")
