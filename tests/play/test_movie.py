"""Films and pictures on disk, opened again by their decoders."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.play.movie import write_mp4, write_png
from tests.disks import files_of_at_most

Frames = list[NDArray[np.uint8]]


def scene(count: int = 9, height: int = 48, width: int = 64) -> Frames:
    """Soft colours that move: what a video codec is made for. Chroma varies slowly, as yuv420p halves it."""
    y, x = np.mgrid[:height, :width]
    frames = []
    for k in range(count):
        waves = [np.sin(x / 17 + k / 5), np.cos(y / 13 - k / 7), np.sin((x + y) / 23 + k / 3)]
        frames.append(np.rint(127 + 100 * np.stack(waves, axis=-1)).astype(np.uint8))
    return frames


def decode(path: Path) -> Frames:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def boxes(path: Path) -> list[str]:
    """Types of the file's top-level boxes, in order (ISO 14496-12)."""
    data, place, found = path.read_bytes(), 0, []
    while place < len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        found.append(kind.decode())
        place += size
    return found


def test_film_is_what_browsers_play(tmp_path: Path) -> None:
    path = write_mp4(tmp_path / "new" / "film.mp4", scene(), fps=24)
    with av.open(str(path)) as container:
        (stream,) = container.streams
        context = stream.codec_context
        assert context.name == "h264"
        assert context.pix_fmt == "yuv420p"
        assert (context.width, context.height) == (64, 48)
        assert stream.average_rate == 24
        assert stream.frames == 9
        assert float(stream.duration * stream.time_base) == pytest.approx(9 / 24)
    order = boxes(path)
    assert order.index("moov") < order.index("mdat"), "the index comes first, so that a film starts while it loads"


def test_frames_look_like_the_inputs(tmp_path: Path) -> None:
    frames = scene()
    seen = decode(write_mp4(tmp_path / "film.mp4", frames, fps=24))
    assert len(seen) == len(frames)
    for ours, theirs in zip(seen, frames, strict=True):
        error = np.abs(ours.astype(float) - theirs)
        assert error.mean() < 0.02 * 255
        assert np.percentile(error, 99) < 0.06 * 255


@pytest.mark.parametrize(
    "colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 120, 40)]
)
def test_flat_colours_survive(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    """Also through a decoder that believes what the file says about its colours: 709 in, 709 out."""
    frames = [np.full((32, 32, 3), colour, np.uint8)] * 3
    path = write_mp4(tmp_path / "film.mp4", frames, fps=10)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert frame.colorspace == av.video.reformatter.Colorspace.ITU709
        assert frame.color_range == av.video.reformatter.ColorRange.MPEG
        y, cb, cr = (float(plane.mean()) for plane in planes(frame))
    red, green, blue = (c / 255 for c in colour)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue  # BT.709
    assert y == pytest.approx(16 + 219 * luma, abs=2.5)
    assert cb == pytest.approx(128 + 224 * (blue - luma) / 1.8556, abs=2.5)
    assert cr == pytest.approx(128 + 224 * (red - luma) / 1.5748, abs=2.5)


def planes(frame: av.VideoFrame) -> Iterator[NDArray[np.uint8]]:
    packed = frame.to_ndarray()  # [3/2 H, W]: Y, then U and V at half size
    height = frame.height
    yield packed[:height]
    chroma = packed[height:].reshape(2, -1)
    yield chroma[0]
    yield chroma[1]


@pytest.mark.parametrize(("height", "width"), [(47, 63), (48, 63), (47, 64), (2, 2), (3, 50)])
def test_odd_sizes_lose_their_last_line(tmp_path: Path, height: int, width: int) -> None:
    frames = scene(3, height, width)
    seen = decode(write_mp4(tmp_path / "film.mp4", frames, fps=24))
    for ours, theirs in zip(seen, frames, strict=True):
        assert ours.shape == (height // 2 * 2, width // 2 * 2, 3)
        cut = theirs[: ours.shape[0], : ours.shape[1]]
        assert np.abs(ours.astype(float) - cut).mean() < 0.02 * 255


@pytest.mark.parametrize("fps", [1, 12.5, 23.976, 29.97, 30000 / 1001, 60])
def test_frame_rates(tmp_path: Path, fps: float) -> None:
    path = write_mp4(tmp_path / "film.mp4", scene(4, 16, 16), fps)
    with av.open(str(path)) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(fps, rel=1e-4)


def test_frames_may_come_one_by_one_and_from_views(tmp_path: Path) -> None:
    """Frames that lie backwards in memory are encoded as they look."""
    frames = scene(3)
    flipped = decode(write_mp4(tmp_path / "a.mp4", (frame[::-1, ::-1] for frame in frames), fps=24))
    for ours, theirs in zip(flipped, frames, strict=True):
        assert np.abs(ours.astype(float) - theirs[::-1, ::-1]).mean() < 0.02 * 255


def test_finer_quality_costs_more(tmp_path: Path) -> None:
    noise = [np.random.default_rng(k).integers(0, 255, (64, 64, 3), np.uint8) for k in range(3)]
    fine = write_mp4(tmp_path / "fine.mp4", noise, 24, quality=10).stat().st_size
    coarse = write_mp4(tmp_path / "coarse.mp4", noise, 24, quality=40).stat().st_size
    assert fine > 2 * coarse


def test_film_without_frames(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one frame"):
        write_mp4(tmp_path / "film.mp4", [], fps=24)
    assert list(tmp_path.iterdir()) == []


def test_film_that_is_interrupted_leaves_the_old_one(tmp_path: Path) -> None:
    path = write_mp4(tmp_path / "film.mp4", scene(3), fps=24)
    before = path.read_bytes()

    def broken() -> Iterator[NDArray[np.uint8]]:
        yield from scene(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_mp4(path, broken(), fps=24)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"film\.mp4: cannot be written"):
        write_mp4(tmp_path / "file" / "film.mp4", scene(1), fps=24)
    with pytest.raises(InputError, match=r"a\.png: cannot be written"):
        write_png(tmp_path / "file" / "a.png", scene(1)[0])
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(InputError, match=r"folder\.mp4: cannot be written"):
        write_mp4(tmp_path / "folder.mp4", scene(1), fps=24)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.mp4"]


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("height", "width"), [(48, 64), (7, 5), (1, 1)])
def test_pictures_come_back_to_the_bit(tmp_path: Path, channels: int, height: int, width: int) -> None:
    image = np.random.default_rng(3).integers(0, 256, (height, width, channels), np.uint8)
    path = write_png(tmp_path / "new" / "a.png", image)
    back = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert back is not None
    order = [2, 1, 0, 3][:channels]
    np.testing.assert_array_equal(back[..., order], image)
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]


def test_disk_that_runs_full(tmp_path: Path) -> None:
    noise = [np.random.default_rng(k).integers(0, 255, (256, 256, 3), np.uint8) for k in range(8)]
    film = write_mp4(tmp_path / "film.mp4", noise[:1], fps=24)
    before = film.read_bytes()
    with files_of_at_most(20_000):
        with pytest.raises(InputError, match=r"film\.mp4: cannot be written"):
            write_mp4(film, noise, fps=24)
        with pytest.raises(InputError, match=r"a\.png: cannot be written"):
            write_png(tmp_path / "a.png", noise[0])
    assert list(tmp_path.iterdir()) == [film]
    assert film.read_bytes() == before
