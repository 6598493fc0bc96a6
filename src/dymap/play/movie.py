"""Writing films: H.264 MP4 that plays in browsers, ProRes 4444 and VP9 with transparency, numbered PNG pictures.

Sound is written together with the pictures, so that a film with sound is the one without and a track more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.files import replacing
from dymap.pictures import write_png
from dymap.play.sound import Sound, SoundTrack

Write = Callable[[NDArray[np.uint8]], None]
"""Takes the next image of a film: [H, W, 3] RGB, or [H, W, 4] RGBA with straight alpha."""


BT709 = 1
"""Number of the primaries, and of the transfer, that sRGB pictures in films are tagged with (ITU-T H.273)."""


@dataclass(frozen=True)
class Codec:
    """How films of one suffix are encoded. opaque, alpha: pixel formats; alpha None: it has no transparency.
    sound: encoder of its sound."""

    container: str
    encoder: str
    opaque: str
    alpha: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    even: bool = False
    """Odd sizes lose their last line."""
    sound: str = "aac"


CODECS = {
    ".mp4": Codec("mp4", "libx264", "yuv420p", None, {"crf": "16", "preset": "medium"}, even=True),
    ".mov": Codec("mov", "prores_ks", "yuv444p10le", "yuva444p10le", {"profile": "4444", "vendor": "apl0"}),
    ".webm": Codec(
        "webm", "libvpx-vp9", "yuv420p", "yuva420p", {"crf": "16", "deadline": "good", "cpu-used": "3"}, sound="libopus"
    ),
}
"""By the film's suffix."""


def codec_of(path: Path, alpha: bool, sound: bool = False) -> Codec:
    """What a film called `path` is encoded with. Raises InputError if there is no such, or it has no transparency."""
    codec = CODECS.get(path.suffix.lower())
    if codec is None:
        raise InputError(f"{path}: films end in {', '.join(CODECS)}, not in {path.suffix or 'nothing'!r}")
    if alpha and codec.alpha is None:
        raise InputError(
            f"{path}: an MP4 film cannot be transparent; write a .mov (ProRes 4444), a .webm (VP9) or PNG frames"
        )
    for encoder in (codec.encoder, *((codec.sound,) if sound else ())):
        try:
            av.Codec(encoder, "w")
        except ValueError:
            raise InputError(f"{path}: this build of PyAV has no {encoder} encoder; choose another suffix") from None
    return codec


@contextmanager
def film_writer(path: Path, fps: float, alpha: bool = False, sound: Sound | None = None) -> Iterator[Write]:
    """Write a film image by image, in the codec that its suffix names; the index comes first (MP4, MOV).

    alpha: images are RGBA with straight alpha, else RGB. All have the size of the first. sound: is heard as long as the
    film lasts. The file takes its place when
    the block ends well and vanishes when not. Raises InputError if the disk refuses, for a film without images, a
    suffix that is unknown or has no transparency, a missing encoder and frame rates that no player takes.
    """
    codec = codec_of(path, alpha, sound is not None)
    if not 0.01 <= fps <= 1000:
        raise InputError(f"{path}: {fps:g} frames a second; expected 0.01 to 1000")
    source, target = ("rgba", codec.alpha) if alpha else ("rgb24", codec.opaque)
    # WebM: without a random number in the file, so that the same film is the same file.
    options = {"movflags": "+faststart"} if codec.container != "webm" else {"fflags": "+bitexact"}
    count = 0
    with replacing(path) as partial, av.open(str(partial), "w", format=codec.container, options=options) as container:
        rate = Fraction(fps).limit_denominator(1001)
        stream = cast(av.VideoStream, container.add_stream(codec.encoder, rate=rate))
        stream.pix_fmt = target
        stream.options = {**codec.options, **(_reproducible() if codec.encoder == "libx264" else {})}
        # Say which matrix the colours went through and what they mean, or players guess.
        stream.codec_context.colorspace = Colorspace.ITU709
        stream.codec_context.color_range = ColorRange.MPEG
        stream.codec_context.color_primaries = BT709
        stream.codec_context.color_trc = BT709
        track = None if sound is None else SoundTrack(container, codec.sound, sound)

        def write(image: NDArray[np.uint8]) -> None:
            nonlocal count
            height, width = image.shape[:2]
            if codec.even:
                height, width = height // 2 * 2, width // 2 * 2
            if count == 0:
                stream.height, stream.width = height, width
            elif (stream.height, stream.width) != (height, width):
                raise ValueError(f"image {count} is {width}x{height}, the film {stream.width}x{stream.height}")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format=source)
            frame = frame.reformat(format=target, dst_colorspace="ITU709", dst_color_range="MPEG")
            if hasattr(frame, "color_primaries"):  # ProRes takes them from its pictures, which an old PyAV does not tag
                frame.color_primaries, frame.color_trc = BT709, BT709
            try:
                container.mux(stream.encode(frame))
                if track is not None:
                    track.write_until(float((count + 1) / rate))
            except OSError as error:  # named here, as several films may be under way
                raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error
            count += 1

        yield write
        if count == 0:
            raise InputError(f"{path}: a film needs at least one image")
        container.mux(stream.encode())
        if track is not None:
            track.end()


def _reproducible() -> dict[str, str]:
    """Options with which libx264 makes the same film of the same pictures.

    Its code for AVX-512 does not: of noise, 49 films of 5,000 differed from the others (AMD's family 25, five or six
    processes on two cores), and none of 6,300 that were made with its code for AVX2 or in C. Why is not known.
    """
    import torch  # late: films alone need none of it

    return {"x264-params": "asm=avx2"} if torch.backends.cpu.get_cpu_capability().startswith("AVX512") else {}


def picture_writer(path: Path) -> Write:
    """Write the one image of a film as a PNG file."""

    def write(image: NDArray[np.uint8]) -> None:
        write_png(path, image)

    return write


def sequence_writer(folder: Path) -> Write:
    """Write the images of a film as 000000.png, 000001.png, ... of a folder."""
    count = 0

    def write(image: NDArray[np.uint8]) -> None:
        nonlocal count
        write_png(folder / f"{count:06d}.png", image)
        count += 1

    return write
