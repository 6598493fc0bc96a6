"""Films and pictures on disk, opened again by their decoders."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.play.movie import CODECS, film_writer, sequence_writer
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


def write_film(path: Path, frames: Iterable[NDArray[np.uint8]], fps: float, alpha: bool = False) -> Path:
    with film_writer(path, fps, alpha) as write:
        for frame in frames:
            write(frame)
    return path


def decode(path: Path) -> Frames:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def decode_alpha(path: Path) -> tuple[Frames, str]:
    """Frames [H, W, 4] and the decoder's pixel format. FFmpeg's own VP9 decoder leaves alpha out: libvpx does not."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder = stream.codec_context
        if decoder.name == "vp9":
            decoder = av.CodecContext.create("libvpx-vp9", "r")
        frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
    return [frame.to_ndarray(format="rgba") for frame in frames], frames[0].format.name


def clear_scene(height: int = 48, width: int = 64) -> Frames:
    """The scene with alpha: a disk that moves, opaque inside, soft at its edge."""
    y, x = np.mgrid[:height, :width]
    frames = []
    for k, image in enumerate(scene(5, height, width)):
        alpha = np.clip(1.5 - np.hypot(x - width / 2 - k, y - height / 2) / (0.25 * height), 0, 1)
        frames.append(np.concatenate([image, np.rint(255 * alpha).astype(np.uint8)[..., None]], axis=-1))
    return frames


def boxes(path: Path) -> list[str]:
    """Types of the file's top-level boxes, in order (ISO 14496-12)."""
    data, place, found = path.read_bytes(), 0, []
    while place < len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        found.append(kind.decode())
        place += size
    return found


def test_film_is_what_browsers_play(tmp_path: Path) -> None:
    path = write_film(tmp_path / "new" / "film.mp4", scene(), fps=24)
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
    seen = decode(write_film(tmp_path / "film.mp4", frames, fps=24))
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
    path = write_film(tmp_path / "film.mp4", frames, fps=10)
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
    seen = decode(write_film(tmp_path / "film.mp4", frames, fps=24))
    for ours, theirs in zip(seen, frames, strict=True):
        assert ours.shape == (height // 2 * 2, width // 2 * 2, 3)
        cut = theirs[: ours.shape[0], : ours.shape[1]]
        assert np.abs(ours.astype(float) - cut).mean() < 0.02 * 255


@pytest.mark.parametrize("fps", [1, 12.5, 23.976, 29.97, 30000 / 1001, 60])
def test_frame_rates(tmp_path: Path, fps: float) -> None:
    path = write_film(tmp_path / "film.mp4", scene(4, 16, 16), fps)
    with av.open(str(path)) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(fps, rel=1e-4)


def test_frames_may_come_one_by_one_and_from_views(tmp_path: Path) -> None:
    """Frames that lie backwards in memory are encoded as they look."""
    frames = scene(3)
    flipped = decode(write_film(tmp_path / "a.mp4", (frame[::-1, ::-1] for frame in frames), fps=24))
    for ours, theirs in zip(flipped, frames, strict=True):
        assert np.abs(ours.astype(float) - theirs[::-1, ::-1]).mean() < 0.02 * 255


@pytest.mark.parametrize(("suffix", "codec", "pixels"), [(".mov", "prores", "yuva444p"), (".webm", "vp9", "yuva420p")])
@pytest.mark.parametrize(("height", "width"), [(48, 64), (47, 63)])
def test_transparent_films(tmp_path: Path, suffix: str, codec: str, pixels: str, height: int, width: int) -> None:
    """Colours and alpha come back; odd sizes stay."""
    frames = clear_scene(height, width)
    path = write_film(tmp_path / f"film{suffix}", frames, 24, alpha=True)
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == codec
        assert container.streams.video[0].average_rate == 24
    seen, form = decode_alpha(path)
    assert form.startswith(pixels)
    assert len(seen) == len(frames)
    for ours, theirs in zip(seen, frames, strict=True):
        error = np.abs(ours.astype(float) - theirs)
        assert error[..., :3].mean() < 0.02 * 255
        assert np.percentile(error[..., :3], 99) < 0.06 * 255
        assert error[..., 3].mean() < 1
        assert error[..., 3].max() < 8
        assert ours[0, 0, 3] == 0
        assert ours[height // 2, width // 2, 3] >= 254


@pytest.mark.parametrize(("suffix", "pixels"), [(".mov", "yuv444p"), (".webm", "yuv420p"), (".MP4", "yuv420p")])
def test_opaque_films_of_every_suffix(tmp_path: Path, suffix: str, pixels: str) -> None:
    frames = scene(4)
    path = write_film(tmp_path / f"film{suffix}", frames, 12.5)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.pix_fmt.startswith(pixels)
        assert stream.average_rate == 12.5
        first = next(container.decode(video=0))
        assert first.colorspace == av.video.reformatter.Colorspace.ITU709
    for ours, theirs in zip(decode(path), frames, strict=True):
        assert np.abs(ours.astype(float) - theirs).mean() < 0.02 * 255


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm"])
def test_the_same_film_is_the_same_file(tmp_path: Path, suffix: str) -> None:
    one, other = (write_film(tmp_path / f"{name}{suffix}", scene(2), 12.5) for name in "ab")
    assert one.read_bytes() == other.read_bytes()


def test_films_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"MP4 film cannot be transparent; write a \.mov .* \.webm .* PNG"):
        write_film(tmp_path / "film.mp4", clear_scene(), 24, alpha=True)
    with pytest.raises(InputError, match=r"films end in \.mp4, \.mov, \.webm, not in '\.avi'"):
        write_film(tmp_path / "film.avi", scene(1), 24)
    with pytest.raises(InputError, match="not in 'nothing'"):
        write_film(tmp_path / "film", scene(1), 24)
    for fps in (0.0, 1e-9, 1e300, float("nan")):
        with pytest.raises(InputError, match="frames a second; expected"):
            write_film(tmp_path / "film.mp4", scene(1), fps)
    with pytest.raises(ValueError, match="image 1 is 32x16, the film 64x48"):
        write_film(tmp_path / "film.mp4", [*scene(1), *scene(1, 16, 32)], 24)
    assert list(tmp_path.iterdir()) == []


def test_encoder_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CODECS, ".mov", replace(CODECS[".mov"], encoder="prores_absent"))
    with pytest.raises(InputError, match=r"film\.mov: this build of PyAV has no prores_absent encoder"):
        write_film(tmp_path / "film.mov", scene(1), 24)
    assert list(tmp_path.iterdir()) == []


def test_pictures_in_sequence(tmp_path: Path) -> None:
    write = sequence_writer(tmp_path / "new")
    frames = clear_scene()
    for frame in frames:
        write(frame)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [f"{k:06d}.png" for k in range(5)]
    back = cv2.imread(str(tmp_path / "new" / "000003.png"), cv2.IMREAD_UNCHANGED)
    assert back is not None
    np.testing.assert_array_equal(back[..., [2, 1, 0, 3]], frames[3])


def test_film_without_frames(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one image"):
        write_film(tmp_path / "film.mp4", [], fps=24)
    assert list(tmp_path.iterdir()) == []


def test_film_that_is_interrupted_leaves_the_old_one(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", scene(3), fps=24)
    before = path.read_bytes()

    def broken() -> Iterator[NDArray[np.uint8]]:
        yield from scene(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_film(path, broken(), fps=24)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"film\.mp4: cannot be written"):
        write_film(tmp_path / "file" / "film.mp4", scene(1), fps=24)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(InputError, match=r"folder\.mp4: cannot be written"):
        write_film(tmp_path / "folder.mp4", scene(1), fps=24)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.mp4"]


def test_disk_that_runs_full(tmp_path: Path) -> None:
    noise = [np.random.default_rng(k).integers(0, 255, (256, 256, 3), np.uint8) for k in range(8)]
    film = write_film(tmp_path / "film.mp4", noise[:1], fps=24)
    before = film.read_bytes()
    with files_of_at_most(20_000), pytest.raises(InputError, match=r"film\.mp4: cannot be written"):
        write_film(film, noise, fps=24)
    assert list(tmp_path.iterdir()) == [film]
    assert film.read_bytes() == before


@pytest.mark.parametrize("suffix", CODECS)
def test_films_say_what_their_colours_mean(tmp_path: Path, suffix: str) -> None:
    with av.open(str(write_film(tmp_path / f"film{suffix}", scene(2), 24))) as container:
        context = container.streams.video[0].codec_context
        frame = next(container.decode(video=0))
        for said in (context, frame):
            assert (int(said.color_primaries), int(said.color_trc), int(said.colorspace)) == (1, 1, 1)
