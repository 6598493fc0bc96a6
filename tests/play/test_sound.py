"""Sound in films: as long as they are, begun anew with the clip."""

from __future__ import annotations

import os
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.play.movie import film_writer
from dymap.play.sound import RATE, add_sound, check_sound, read_sound


def write_wav(path: Path, samples: NDArray[np.int16], rate: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """Half a second, loud in its first tenth."""
    time = np.arange(8000) / 16000
    return write_wav(
        tmp_path / "tone.wav", (12000 * np.sin(2 * np.pi * 700 * time) * (time < 0.1)).astype(np.int16), 16000
    )


def packets_and_colours(film: Path) -> tuple[list[tuple[float, bytes]], list[int]]:
    """What a film's pictures are made of, and what says how to show them."""
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        packets = [
            (float(packet.pts * packet.time_base), bytes(packet)) for packet in container.demux(stream) if packet.size
        ]
        context = stream.codec_context
        return packets, [context.colorspace, context.color_range, context.color_primaries, context.color_trc]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm"])
def test_sound_is_repeated_with_the_clip_and_ends_with_the_film(tmp_path: Path, tone: Path, suffix: str) -> None:
    film = tmp_path / f"film{suffix}"
    pictures = np.random.default_rng(0).integers(0, 255, (30, 32, 48, 3), dtype=np.uint8)
    with film_writer(film, 20) as write:
        for picture in pictures:
            write(picture)
    before = packets_and_colours(film)
    add_sound(film, read_sound(tone), 0.5)
    assert packets_and_colours(film) == before
    sound = np.abs(read_sound(film)[:, 0].astype(float))
    assert len(sound) / RATE == pytest.approx(1.5, abs=0.06)
    loud = [float(sound[int((k * 0.1 + 0.02) * RATE) : int((k * 0.1 + 0.07) * RATE)].mean()) > 2000 for k in range(14)]
    assert loud == [k % 5 == 0 for k in range(14)]


def test_sound_of_another_length_is_refused(tone: Path) -> None:
    sound = read_sound(tone)
    check_sound(tone, sound, 30, 60.0)
    with pytest.raises(InputError, match=r"lasts 0\.50 seconds, but the clip's 30 frames at 30 fps 1\.00; .*--fps 60"):
        check_sound(tone, sound, 30, 30.0)


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"a\.wav: not readable as sound"):
        read_sound(tmp_path / "a.wav")
    with pytest.raises(InputError, match="not readable as sound"):
        read_sound(tmp_path / "b.wav")
    with pytest.raises(InputError, match="not readable as sound"):
        read_sound(tmp_path / "a\0b.wav")
    with film_writer(tmp_path / "c.mp4", 20) as write:
        write(np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(InputError, match=r"c\.mp4: holds no sound"):
        read_sound(tmp_path / "c.mp4")


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.wav", "pcm_s16le"), ("a.aiff", "pcm_s16be"), ("a.flac", "flac"), ("a.mp3", "libmp3lame"), ("a.aac", "aac"),
     ("a.ogg", "libopus"), ("a.m4a", "aac"), ("a.mka", "libopus")],
)  # fmt: skip
def test_usual_files_of_sound_are_read(tmp_path: Path, name: str, codec: str) -> None:
    tone = (8000 * np.sin(2 * np.pi * 700 * np.arange(RATE) / RATE)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(np.repeat(tone, 2)[None], format="s16", layout="stereo")
    frame.sample_rate = RATE
    with av.open(str(tmp_path / name), "w") as container:
        stream: Any = container.add_stream(codec, rate=RATE)
        stream.layout = "stereo"
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(stream.codec_context.format, "stereo", RATE, frame_size=size)
        for block in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(block))
        container.mux(stream.encode())
    sound = read_sound(tmp_path / name)
    assert len(sound) / RATE == pytest.approx(1, abs=0.06)
    assert np.abs(sound[RATE // 4 : RATE // 2].astype(int)).max() == pytest.approx(8000, rel=0.1)


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{tone}\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile '{tone}'\n",
    "list.wav": "ffconcat version 1.0\nfile '{tone}'\n",
    "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_lists_of_other_files_are_no_sound(tmp_path: Path, tone: Path, name: str) -> None:
    (tmp_path / name).write_text(PLAYLISTS[name].format(tone=tone.name))
    with pytest.raises(InputError, match=rf"{name}: not readable as sound"):
        read_sound(tmp_path / name)


def test_only_regular_files_are_opened(tmp_path: Path, tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no regular file, but a folder, pipe or device"):
        read_sound(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.wav")
        with pytest.raises(InputError, match="no regular file, but a folder, pipe or device"):
            read_sound(tmp_path / "pipe.wav")
    monkeypatch.chdir(tmp_path)
    for name in (f"file:{tone.name}", f"concat:{tone.name}", f"subfile,,start,0,end,0,,:{tone.name}", "data:,x"):
        with pytest.raises(InputError, match="not readable as sound"):
            read_sound(Path(name))
    if os.name != "nt":  # there names hold no colon
        tone.rename("file:tone.wav")
        assert len(read_sound(Path("file:tone.wav"))) / RATE == pytest.approx(0.5, abs=0.01)
