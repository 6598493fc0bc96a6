"""EXR pictures: what is read back is the film's colour in linear light, its opacity and its distances."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import torch
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.play.exr import write_exr
from dymap.play.film import fixed_view_film, write_film
from dymap.play.layers import seen_depth
from dymap.play.video import Video
from dymap.render.image import Image
from tests.disks import files_of_at_most
from tests.golden.sources import Golden
from tests.video.videos import painted_video

Channels = dict[str, NDArray[np.float32]]


def read(path: Path) -> Channels:
    with OpenEXR.File(str(path), separate_channels=True) as file:
        assert file.header()["type"] == OpenEXR.scanlineimage
        return {name: channel.pixels for name, channel in file.channels().items()}


def image() -> Image:
    """All values of a byte at opacities from 0 to 1, premultiplied as renderers do."""
    acc = torch.linspace(0, 1, 5)[:, None].expand(5, 256).contiguous()
    straight = torch.arange(256) / 255
    rgb = torch.stack([straight, straight.flip(0), straight.roll(9)], dim=-1) * acc[..., None]
    far = torch.full((5, 256), 4.0)
    return Image(rgb, acc, acc * 2.5 + (1 - acc) * far, far, torch.ones(5, 256, dtype=torch.bool))


def srgb(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light as the colours of images (IEC 61966-2-1)."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clip(1e-9) ** (1 / 2.4) - 0.055)


def test_channels_are_premultiplied_linear_light_alpha_and_distance(tmp_path: Path) -> None:
    shown = image()
    found = read(write_exr(tmp_path / "new" / "a.exr", shown))
    assert {name: pixels.dtype for name, pixels in found.items()} == {
        "R": np.float16, "G": np.float16, "B": np.float16, "A": np.float16, "Z": np.float32,
    }  # fmt: skip
    np.testing.assert_array_equal(found["A"], shown.acc.numpy().astype(np.float16))
    colours = np.stack([found[name].astype(np.float64) for name in "RGB"], axis=-1)
    assert (colours[0] == 0).all(), "no light where there is no opacity"
    straight = srgb(colours[1:] / found["A"][1:, :, None])
    np.testing.assert_allclose(255 * straight, shown.rgba()[1:, :, :3], atol=0.2)
    assert (found["Z"][0] == np.inf).all()
    np.testing.assert_allclose(found["Z"][1:], 2.5, rtol=1e-5)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.exr"]


def test_a_film_as_numbered_exr_pictures(trimmed: Golden, tmp_path: Path) -> None:
    video = Video(painted_video(trimmed))
    film = fixed_view_film(video, 2, 3)
    write_film(video, film, None, exr=tmp_path / "exr", png=tmp_path / "png", background="white")
    assert sorted(file.name for file in (tmp_path / "exr").iterdir()) == ["000000.exr", "000001.exr", "000002.exr"]
    for index, step in enumerate(film):
        shown = video.render(step.camera, step.frame, background="transparent")
        found = read(tmp_path / "exr" / f"{index:06d}.exr")
        np.testing.assert_array_equal(found["Z"], seen_depth(shown).numpy())
        seen = shown.acc.numpy() > 0.1
        assert seen.any()
        colours = np.stack([found[name].astype(np.float64) for name in "RGB"], axis=-1)[seen]
        straight = srgb(colours / found["A"][seen][:, None])
        np.testing.assert_allclose(255 * straight, shown.rgba()[seen][:, :3], atol=1)


def test_one_picture(trimmed: Golden, tmp_path: Path) -> None:
    video = Video(painted_video(trimmed))
    path = tmp_path / "a.exr"
    assert write_film(video, fixed_view_film(video, 1, 1), path) == [path]
    assert set(read(path)) == {"R", "G", "B", "A", "Z"}
    with pytest.raises(
        InputError, match=r"a.exr: one picture, but the film has 2; .* numbered pictures with --png or --exr"
    ):
        write_film(video, fixed_view_film(video, 1, 2), path)
    with pytest.raises(InputError, match=r"a.exr: an EXR picture holds colour, opacity and depth at once"):
        write_film(video, fixed_view_film(video, 1, 1), path, layers=("depth",))


def test_without_the_library_it_says_what_to_install(
    trimmed: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = Video(painted_video(trimmed))
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    for path, folder in ((tmp_path / "a.exr", None), (None, tmp_path / "exr")):
        with pytest.raises(InputError, match=r"exr: EXR is written by OpenEXR; .* pip install 'dymap\[exr\]'"):
            write_film(video, fixed_view_film(video, 1, 1), path, exr=folder)
    assert not list(tmp_path.iterdir())


def test_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    path.write_text("before")
    with files_of_at_most(100), pytest.raises(InputError, match=r"a.exr: cannot be written"):
        write_exr(path, image())
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
