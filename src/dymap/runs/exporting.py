"""`dymap.runs.export`: the clip and the page that plays it, for any web server, or as one file.

run or file -> small file (version 2) -> film -> folder or one HTML file -> Exported
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dymap.config import RendererName
from dymap.errors import InputError
from dymap.partials import beside
from dymap.play.film import orbit_film, write_film
from dymap.play.video import load
from dymap.runs.bars import Bars, no_bars
from dymap.runs.packing import pack
from dymap.runs.process import pick_device
from dymap.runs.things import check_playable
from dymap.site.export import CLIP, FILM, Given, check_own_file, check_own_folder, write_folder, write_single_file
from dymap.video.container import has_magic, open_container
from dymap.video.model_file import SUFFIX
from dymap.video.packed import open_packed

MAX_SINGLE = 256 * 2**20
"""Bytes of a clip and its film in one HTML file: browsers hold it as text, and Chromium's have 2^29 letters at most."""


@dataclass(frozen=True)
class Exported:
    """What was written. page: the file to open, in a folder or by itself. size: bytes of all that was written; clip:
    of the clip in it. single: whether it is one file. film: whether browsers without WebGPU have one to show. note:
    what is to be known of the clip, or nothing."""

    page: Path
    size: int
    clip: int
    single: bool
    film: bool
    note: str = ""


def export(
    file: str | Path,
    out: str | Path,
    *,
    single_file: bool = False,
    film: bool = False,
    film_size: tuple[int, int] | None = None,
    renderer: RendererName = "march",
    rate: float | None = None,
    title: str | None = None,
    author: str | None = None,
    licence: str | None = None,
    device: str = "auto",
    threads: int = 0,
    progress: Bars = no_bars,
) -> Exported:
    """Write a baked file, or that of a run, with the page that plays it. Any web server can show the folder.

    out: a folder; with single_file an HTML file, which plays by a double click. A file of version 1 is packed. film: an
    orbit, for browsers without WebGPU; film_size: its width and height, default the camera's; renderer: of the film.
    rate, title, author, licence: as of `pack`. Raises InputError; nothing is overwritten but what was exported before.
    """
    target = Path(out)
    (check_own_file if single_file else check_own_folder)(target)
    home = target.resolve()
    home.parent.mkdir(parents=True, exist_ok=True)
    with beside(home) as partial:
        small, note = small_clip(
            file, partial.with_name(CLIP), rate=rate, title=title, author=author, licence=licence, device=device,
            threads=threads, progress=progress,
        )  # fmt: skip
        filmed = partial.with_name(FILM) if film else None
        if filmed is not None:
            video = load(small, pick_device(device, threads))
            with progress("film") as update:
                write_film(video, orbit_film(video, None, film_size), filmed, renderer=renderer, progress=update)
            video.close()
        given = given_clip(small, filmed)
        held = small.stat().st_size
        if single_file and (size := held + (filmed.stat().st_size if filmed else 0)) > MAX_SINGLE:
            raise InputError(
                f"{file}: {size / 1e6:.0f} MB, and one HTML file holds {MAX_SINGLE / 1e6:.0f} MB; export a folder"
            )
        page = (write_single_file if single_file else write_folder)(target, given)
    written = [page] if single_file else [path for path in target.rglob("*") if path.is_file()]
    return Exported(page, sum(path.stat().st_size for path in written), held, single_file, film, note)


def small_clip(
    file: str | Path,
    out: Path,
    *,
    rate: float | None = None,
    title: str | None = None,
    author: str | None = None,
    licence: str | None = None,
    device: str = "auto",
    threads: int = 0,
    progress: Bars = no_bars,
) -> tuple[Path, str]:
    """A file of version 2, and what is to be known of it, or nothing: the given one, if it is one and nothing else is
    asked of it; else `out`, into which it is packed. Raises InputError."""
    place = Path(file)
    check_playable(place)
    found = place / f"video{SUFFIX}" if place.is_dir() else place
    if has_magic(found) and all(asked is None for asked in (rate, title, author, licence)):
        return found, ""
    packed = pack(
        place, out, rate=rate, title=title, author=author, licence=licence, device=device, threads=threads,
        progress=progress,
    )  # fmt: skip
    return packed.path, packed.note


def given_clip(small: Path, film: Path | None = None) -> Given:
    """What the page is told of a file of version 2. Raises InputError if it is damaged."""
    baked, chunks = open_packed(small), open_container(small).chunks
    needed = next(chunk.offset + chunk.length for chunk in chunks if chunk.kind == "segment")
    return Given(small, baked.about.title or baked.name, baked.poster, film, needed)
