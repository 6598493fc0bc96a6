"""`dymap.runs.pack`: a baked file becomes a small one that streams.

baked file -> its poster -> quantised to the size that is asked for -> file of version 2 -> Packed
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dymap._version import __version__
from dymap.errors import InputError
from dymap.pictures import jpeg_bytes, to_bytes
from dymap.play.first_view import first_view
from dymap.play.video import Video, load
from dymap.runs.bars import Bars, no_bars
from dymap.runs.coarseness import standard_coarseness
from dymap.runs.process import pick_device
from dymap.runs.things import check_playable
from dymap.video.clip import About, BakedVideo
from dymap.video.facts import MAX_TEXT
from dymap.video.packing import save_packed

POSTER = 512
"""Pixels of a poster's sides."""
AGAIN = (
    "it was quantised before, and is rounded a second time: what the first time lost stays lost; to lose less, pack "
    "the exact file (dymap bake RUN --exact --out FILE)"
)


@dataclass(frozen=True)
class Packed:
    """What was packed. path: the file. parts: bytes of each part. note: what is to be known of it, or nothing."""

    path: Path
    frames: int
    parts: Mapping[str, int]
    note: str

    @property
    def mb_a_frame(self) -> float:
        return sum(self.parts.values()) / 1e6 / self.frames


def pack(
    file: str | Path,
    out: str | Path,
    *,
    rate: float | None = None,
    title: str | None = None,
    author: str | None = None,
    licence: str | None = None,
    device: str = "auto",
    threads: int = 0,
    progress: Bars = no_bars,
) -> Packed:
    """Write a baked file, or that of a run, as a small one (version 2).

    rate: MB a frame that it may have; default: as few as hardly show (`standard_coarseness`); a file that is quantised
    already is kept to the bit. title, author, licence: what people are told of it, default what the file says.
    Raises InputError for a rate that cannot be reached.
    """
    place, target = Path(file), Path(out)
    check_playable(place)
    if rate is not None and not 0 < rate < 1e6:
        raise InputError(f"--rate {rate:g}: expected a number of MB a frame above 0")
    video = load(place, pick_device(device, threads))
    baked = video.baked
    given = {"title": title, "author": author, "licence": licence}
    if long := [key for key, text in given.items() if text is not None and len(text) > MAX_TEXT]:
        raise InputError(f"--{long[0]}: more than {MAX_TEXT} letters")
    said = {key: getattr(baked.about, key) if text is None else text for key, text in given.items()}
    about = About(**said, provenance=baked.about.provenance)
    again = rate is not None and bool(baked.quantiser)
    note = AGAIN if again else ""
    size = None if rate is None else rate * 1e6 * len(baked.frames)
    named = with_poster(baked.with_facts(about=about))
    coarseness = None if size is not None or baked.quantiser else standard_coarseness(named)
    with progress("pack") as update:
        parts = save_packed(target, named, coarseness, size, update)
    return Packed(target, len(baked.frames), parts, note)


def with_poster(baked: BakedVideo) -> BakedVideo:
    """The clip with the picture that the page begins with, if it has none and a camera from which it was filmed."""
    if baked.poster or not baked.cameras:
        return baked
    video = Video(baked)
    picture = video.render(first_view(video, POSTER, POSTER), 0, renderer="fast").rgb
    video.close()
    return baked.with_facts(poster=jpeg_bytes(to_bytes(picture)))


def about_training(preset: str, steps: int, seed: int) -> About:
    """Where a clip comes from."""
    return About(provenance={"preset": preset, "steps": steps, "seed": seed, "dymap": __version__})
