"""One video: every picture exactly, at its time, turned and coloured as it is to be looked at."""

from __future__ import annotations

import threading
from pathlib import Path

import av
import numpy as np
import pytest

from dymap.capture.videos import VideoFile
from dymap.errors import InputError
from tests.capture.clips import number_of, numbered, numbered_clip, write_clip

X264_OPEN = {"x264-params": "open-gop=1:keyint=10:min-keyint=10:bframes=3:b-adapt=0:b-pyramid=normal"}
X264_CLOSED = {"x264-params": "keyint=12:bframes=2:b-adapt=0"}
X264_REFRESH = {"x264-params": "intra-refresh=1:keyint=10"}
X265_OPEN = {"x265-params": "open-gop=1:keyint=10:min-keyint=10:bframes=4:log-level=none"}
FORMS = {
    "H.264, open groups": ("clip.mp4", {"options": X264_OPEN}),
    "H.264, B-frames, MOV": ("clip.mov", {"options": X264_CLOSED}),
    "H.264, gradual refresh": ("clip.mp4", {"options": X264_REFRESH}),
    "H.264, Matroska": ("clip.mkv", {"options": X264_OPEN}),
    "H.264, transport stream": ("clip.ts", {"options": X264_OPEN}),
    "HEVC, open groups, 10 bits": ("clip.mp4", {"codec": "libx265", "options": X265_OPEN, "pix_fmt": "yuv420p10le"}),
    "HEVC, Matroska": ("clip.mkv", {"codec": "libx265", "options": X265_OPEN}),
    "MPEG-4, AVI": ("clip.avi", {"codec": "mpeg4", "options": {"bf": "0", "g": "8"}}),
    "MPEG-4 with B-frames, MP4": ("clip.mp4", {"codec": "mpeg4", "options": {"bf": "2", "g": "8"}}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("threads", [1, 3])
def test_pictures_in_random_order_are_those_of_sequential_decoding(tmp_path: Path, form: str, threads: int) -> None:
    name, how = FORMS[form]
    path = numbered_clip(tmp_path / name, 40, **how)
    in_order = VideoFile(path, threads)
    assert len(in_order.times) == 40
    truth = [in_order.picture(index) for index in range(40)]
    assert [number_of(picture) for picture in truth] == list(range(40))
    at_random = VideoFile(path, threads)
    for index in np.random.default_rng(0).permutation(np.repeat(np.arange(40), 2)):
        np.testing.assert_array_equal(at_random.picture(int(index)), truth[index])
    for step in (7, 13):
        for index in range(0, 40, step):
            np.testing.assert_array_equal(at_random.picture(index), truth[index])


def test_time_stamps_are_those_of_the_pictures_even_if_they_are_uneven(tmp_path: Path) -> None:
    gaps = np.random.default_rng(1).uniform(0.008, 0.12, 30)
    times = np.cumsum(gaps) + 0.5
    path = numbered_clip(tmp_path / "phone.mp4", 30, times=list(times), options=X264_OPEN)
    video = VideoFile(path)
    np.testing.assert_allclose(video.times, times - times[0], atol=2e-5)
    for time in np.random.default_rng(2).uniform(-0.1, times[-1], 40):
        nearest = int(np.abs(times - times[0] - time).argmin())
        assert video.index_at(time) == nearest
    assert number_of(video.picture(video.index_at(times[17] - times[0]))) == 17
    assert video.fps == pytest.approx(29 / (times[-1] - times[0]), rel=1e-4)


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_a_rotation_that_phones_write_is_followed(tmp_path: Path, rotation: int) -> None:
    path = write_clip(tmp_path / "a.mp4", [numbered(5)] * 3, rotation=rotation)
    video = VideoFile(path)
    turned = np.rot90(numbered(5), rotation // 90)
    assert (video.height, video.width) == turned.shape[:2]
    picture = video.picture(1)
    assert picture.shape == turned.shape
    assert np.abs(picture.astype(int) - turned).mean() < 6


def test_a_mirrored_display_matrix_is_followed(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", [numbered(5)] * 3, rotation=90)
    data = path.read_bytes()
    turn = b"".join(int(v * 65536).to_bytes(4, "big", signed=True) for v in (0, -1, 0, 1, 0, 0))
    mirrored = b"".join(int(v * 65536).to_bytes(4, "big", signed=True) for v in (0, 1, 0, 1, 0, 0))
    assert turn in data
    path.write_bytes(data.replace(turn, mirrored))
    picture = VideoFile(path).picture(0)
    assert np.abs(picture.astype(int) - numbered(5).swapaxes(0, 1)).mean() < 6


@pytest.mark.parametrize(("matrix", "kr", "kb"), [(1, 0.2126, 0.0722), (5, 0.299, 0.114), (6, 0.299, 0.114)])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuv444p10le", "yuv420p"])
def test_colours_follow_matrix_range_and_depth(
    tmp_path: Path, matrix: int, kr: float, kb: float, full: bool, pix_fmt: str
) -> None:
    """One colour a picture, stored in numbers that are known; brute force by BT.601 and BT.709, section 3."""
    deep = "10" in pix_fmt
    one = 4 if deep else 1
    y, u, v = 120 * one, 100 * one, 150 * one
    path = tmp_path / "a.mp4"
    colours = {"colorspace": matrix, "color_range": 2 if full else 1}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"qp": "0", "profile": "high444"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        for key, value in colours.items():
            setattr(stream.codec_context, key, value)
        frame = av.VideoFrame(64, 48, pix_fmt)
        for plane, value in zip(frame.planes, (y, u, v), strict=True):
            plane.update(np.full(plane.buffer_size // (2 if deep else 1), value, "<u2" if deep else "u1").tobytes())
        for key, value in colours.items():
            setattr(frame, key, value)
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    if full:
        most = 1023 if deep else 255
        Y, U, V = y / most, (u - 128 * one) / most, (v - 128 * one) / most
    else:
        Y, U, V = (y - 16 * one) / (219 * one), (u - 128 * one) / (224 * one), (v - 128 * one) / (224 * one)
    red, blue = Y + 2 * (1 - kr) * V, Y + 2 * (1 - kb) * U
    expected = 255 * np.array([red, (Y - kr * red - kb * blue) / (1 - kr - kb), blue])
    video = VideoFile(path)
    assert video.facts.bits == (10 if deep else 8)
    np.testing.assert_allclose(video.picture(0).reshape(-1, 3), np.tile(expected, (64 * 48, 1)), atol=1.3)


def test_several_threads_may_ask_at_once(tmp_path: Path) -> None:
    video = VideoFile(numbered_clip(tmp_path / "a.mp4", 30, options=X264_OPEN))
    wrong: list[int] = []

    def ask(seed: int) -> None:
        for index in np.random.default_rng(seed).permutation(30):
            if number_of(video.picture(int(index))) != index:
                wrong.append(int(index))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_pictures_that_an_edit_list_cuts_off_are_not_shown(tmp_path: Path) -> None:
    """As phones trim: the file holds five pictures more than it shows, and the first key picture is among them."""
    path = tmp_path / "trimmed.mp4"
    with av.open(str(path), "w", options={"use_editlist": "1", "avoid_negative_ts": "disabled"}) as container:
        stream = container.add_stream("libx264", rate=30, options=X264_CLOSED)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        packets = []
        for index in range(30):
            frame = av.VideoFrame.from_ndarray(numbered(index))
            frame.pts = index
            packets += stream.encode(frame)
        for packet in [*packets, *stream.encode()]:
            shift = round(5 / 30 / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            container.mux(packet)
    video = VideoFile(path)
    np.testing.assert_allclose(video.times, np.arange(25) / 30, atol=1e-4)
    for index in (20, 3, 11, 0, 24):
        assert number_of(video.picture(index)) == index + 5


def test_a_closed_video_opens_again(tmp_path: Path) -> None:
    video = VideoFile(numbered_clip(tmp_path / "a.mp4", 10))
    video.picture(3)
    video.close()
    video.close()
    assert number_of(video.picture(4)) == 4


def test_a_video_cut_off_in_its_middle_is_refused_with_its_time(tmp_path: Path) -> None:
    path = numbered_clip(tmp_path / "a.mp4", 60, options={"x264-params": "keyint=10", "movflags": "+faststart"})
    whole = path.read_bytes()
    moved = tmp_path / "b.mp4"
    with av.open(str(path)) as source, av.open(str(moved), "w", options={"movflags": "+faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    data = moved.read_bytes()
    moved.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(InputError, match=r"b\.mp4: the video is truncated: it ends after \d\.\d\d of 2\.00 seconds"):
        VideoFile(moved).picture(0)
    path.write_bytes(whole[: len(whole) // 2])  # its index is at the end
    with pytest.raises(InputError, match=r"a\.mp4: not a readable video .*cut off"):
        VideoFile(path)


def test_an_avi_file_with_dropped_frames_is_whole(tmp_path: Path) -> None:
    """Recorders write an empty chunk for a frame that they dropped; the file counts it, and no packet is made of it."""
    whole = numbered_clip(tmp_path / "whole.avi", 20, codec="mpeg4", options={"bf": "0", "g": "1"})
    kept = [k for k in range(20) if k not in (8, 9)]
    dropped = tmp_path / "dropped.avi"
    with av.open(str(whole)) as source, av.open(str(dropped), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in [packet for packet in source.demux(source.streams.video[0]) if packet.size]:
            if packet.pts in kept:
                packet.stream = stream
                target.mux(packet)
    with av.open(str(dropped)) as container:
        assert container.streams.video[0].frames == 20
    video = VideoFile(dropped)
    np.testing.assert_allclose(video.times, np.array(kept) / 30)
    assert [number_of(video.picture(k)) for k in range(len(kept))] == kept
    data = dropped.read_bytes()
    (tmp_path / "short.avi").write_bytes(data[: data.index(b"movi") + 2000])
    with pytest.raises(InputError, match=r"short\.avi: the video is truncated: it ends after"):
        VideoFile(tmp_path / "short.avi").times  # noqa: B018


@pytest.mark.parametrize("sound", [False, True])
def test_a_file_that_does_not_count_its_pictures_is_truncated_by_its_length(tmp_path: Path, sound: bool) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), dtype=np.uint8)
    audio = np.zeros(48000, np.float32) if sound else None  # longer than the pictures
    path = write_clip(tmp_path / "a.mkv", list(noise), options={"x264-params": "keyint=10"}, audio=audio)
    assert len(VideoFile(path).times) == 60
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(
        InputError, match=r"a\.mkv: the video is truncated: it ends after \d\.\d\d of [23]\.\d\d seconds"
    ):
        VideoFile(path).picture(0)


def test_a_damaged_picture_is_refused_with_its_time(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (30, 48, 64, 3), dtype=np.uint8)
    path = write_clip(tmp_path / "a.mp4", list(noise), options={"x264-params": "keyint=10:bframes=0"})
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        hurt = packets[15]
        place, size = hurt.pos, hurt.size
    data = bytearray(path.read_bytes())
    data[place + 20 : place + size] = bytes(size - 20)
    path.write_bytes(data)
    video = VideoFile(path)
    for index in (*range(10), *range(20, 30)):
        video.picture(index)
    with pytest.raises(InputError, match=r"a\.mp4: the picture at 0\.\d+ seconds cannot be decoded"):
        list(map(video.picture, range(10, 20)))
    video.picture(25)


def test_what_is_no_video_is_refused_in_one_sentence(tmp_path: Path) -> None:
    import os

    nothing, text, lists = tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path / "c.mp4"
    nothing.write_bytes(b"")
    text.write_text("hello" * 100)
    numbered_clip(tmp_path / "d.mp4", 3)
    lists.write_text("ffconcat version 1.0\nfile d.mp4\n")  # a file that names others
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (nothing, text, lists):
        with pytest.raises(InputError, match=f"{path.name}: not a readable video"):
            VideoFile(path)
    with pytest.raises(InputError, match="no regular file"):
        VideoFile(tmp_path / "pipe.mp4")
    with pytest.raises(InputError, match="video is missing"):
        VideoFile(tmp_path / "e.mp4")
    with av.open(str(tmp_path / "f.mp4"), "w") as container:
        sound = container.add_stream("aac", rate=16000)
        sound.layout = "mono"
        block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        block.sample_rate, block.pts = 16000, 0
        container.mux(sound.encode(block))
        container.mux(sound.encode())
    with pytest.raises(InputError, match="holds no video, only audio"):
        VideoFile(tmp_path / "f.mp4")
    with pytest.raises(InputError, match="has no picture 3, but 3"):
        VideoFile(tmp_path / "d.mp4").picture(3)


def test_damage_of_any_kind_is_an_input_error_that_names_the_file(tmp_path: Path) -> None:
    """Cut off, flipped bytes anywhere, flipped bytes in the index: pictures, or one sentence."""
    whole = numbered_clip(tmp_path / "whole.mp4", 12, options=X264_CLOSED).read_bytes()
    index, path = whole.index(b"moov"), tmp_path / "hurt.mp4"
    rng, refused = np.random.default_rng(0), []
    for attempt in range(90):
        data = bytearray(whole)
        if attempt % 3 == 0:
            data = data[: rng.integers(len(data))]
        else:
            for at in rng.integers(index if attempt % 3 == 1 else 0, len(data), 4):
                data[at] = rng.integers(256)
        path.write_bytes(data)
        try:
            video = VideoFile(path)
            for picture in (0, len(video.times) // 2, len(video.times) - 1):
                video.picture(picture)
        except InputError as error:
            refused.append(str(error))
    assert len(refused) > 45
    assert all(sentence.startswith(str(path)) for sentence in refused)
