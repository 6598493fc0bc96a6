"""The page and a clip, to be given away: a folder for any web server, or one file."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from string import Template

from dymap.errors import InputError, printable
from dymap.files import replacing, replacing_folder
from dymap.site.bundle import bundle, script_text
from dymap.site.pages import asks_early, told_page, web_files, with_poster

CLIP, FILM, POSTER = "video.dymap", "film.mp4", "poster.jpg"
STAGE, ELEMENT = "dymap-stage.js", "dymap-player.js"
"""Names of files in a folder that was exported: what is shown, and the scripts of the page and of the element."""
MARK = "dymap-site.json"
"""The file by which such a folder is known again; it lists all others."""
GENERATOR = '<meta name="generator" content="dymap">'
"""By which a page is known again."""
POLICY = (
    "default-src 'none'; script-src {script}; worker-src blob:; style-src 'unsafe-inline'; img-src data: blob:; "
    "media-src data: blob:; connect-src data: blob:; base-uri 'none'; form-action 'none'"
)
"""What a page in one file may load: nothing that is not in it."""
PAGES = (".html", ".htm")
"""How the names of pages end, by which systems know that a browser opens them."""
STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)">')
SCRIPT = re.compile(r'<script type="module" src="([^"]+)"></script>')


@dataclass(frozen=True)
class Given:
    """What is given away. clip: a file of version 2. poster: a JPEG, perhaps empty. film: an MP4 for browsers without
    WebGPU. needed: bytes of the clip, from its first on, that a first picture needs; 0: nobody knows."""

    clip: Path
    title: str
    poster: bytes
    film: Path | None
    needed: int = 0


def write_folder(folder: Path, given: Given) -> Path:
    """Write a folder for any web server, beside and renamed; returns its index.html.

    Raises InputError for a folder that holds anything that was not exported, and if the disk refuses.
    """
    check_own_folder(folder)
    texts = stage_files(given) | {"player.html": own(_player_page(given)), ELEMENT: bundle(web_files(), "player.js")}
    with replacing_folder(folder, "the site") as partial:
        for path, text in texts.items():
            (partial / path).write_text(text, encoding="utf-8", newline="\n")
        shutil.copyfile(given.clip, partial / CLIP)
        if given.film:
            shutil.copyfile(given.film, partial / FILM)
        if given.poster:
            (partial / POSTER).write_bytes(given.poster)
        files = sorted(path.relative_to(partial).as_posix() for path in partial.rglob("*") if path.is_file())
        (partial / MARK).write_text(json.dumps({"format": "dymap-site", "version": 1, "files": files}, indent=1) + "\n")
    return folder / "index.html"


def stage_files(given: Given) -> dict[str, str]:
    """The page, its script and its style by their names, beside a clip."""
    settings = {"engine": "browser", "clip": CLIP} | ({"film": FILM} if given.film else {})
    page = told_page("index.html", given.title, settings)
    (found,), styles = SCRIPT.findall(page), STYLE.findall(page)
    page = SCRIPT.sub(f'<script type="module" src="{STAGE}"></script>', page)
    page = asks_early(with_poster(page, POSTER if given.poster else ""), CLIP, given.needed)
    texts = web_files()
    return {"index.html": own(page), STAGE: bundle(texts, found)} | {style: texts[style] for style in styles}


def write_single_file(file: Path, given: Given) -> Path:
    """Write one HTML file with the page, its shaders and the clip inside, beside and renamed.

    It needs neither a server nor a network, and may ask for nothing that is not in it. Raises InputError for a file
    that was not exported, and if the disk refuses.
    """
    check_own_file(file)
    film = {"film": f"data:video/mp4;base64,{_base64(given.film.read_bytes())}"} if given.film else {}
    page = own(told_page("index.html", given.title, {"engine": "browser"} | film))
    page = with_poster(page, f"data:image/jpeg;base64,{_base64(given.poster)}" if given.poster else "")
    texts, (script,) = web_files(), SCRIPT.findall(page)
    page = STYLE.sub(lambda found: f"<style>\n{texts[found[1]]}</style>", page)
    code = "\n" + script_text(bundle(texts, script))
    clip = f'<script type="application/octet-stream;base64" id="clip">{_base64(given.clip.read_bytes())}</script>'
    page = SCRIPT.sub(lambda _: f'{clip}\n<script type="module">{code}</script>', page)
    policy = POLICY.format(script=f"'sha256-{_base64(sha256(code.encode()).digest())}'")
    page = page.replace(GENERATOR, f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n{GENERATOR}', 1)
    with replacing(file) as partial:
        partial.write_text(page, encoding="utf-8", newline="\n")
    return file


def own(page: str) -> str:
    """The page with the mark by which it is known again."""
    return page.replace("<title>", f"{GENERATOR}\n<title>", 1)


def check_own_folder(folder: Path) -> None:
    """Raises InputError for a folder, or a file in its place, that was not exported (nothing else is overwritten), and
    for the name of a page."""
    if folder.suffix.lower() in PAGES and not folder.is_dir():
        raise InputError(f"{folder}: the name of a page; expected that of a folder, or --single-file")
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: a file; expected the name of a folder, or --single-file")
    try:
        if not (folder / MARK).is_file():  # a pipe would be read for ever
            raise ValueError("another program's")
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
        if mark["format"] != "dymap-site":
            raise ValueError("another program's")
        listed = set(mark["files"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise InputError(f"{folder}: exists already and was not exported by dymap; name a new folder") from None
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name != MARK and name not in listed and not (path.is_dir() and not path.is_symlink()):
            raise InputError(f"{path}: dymap did not write it, and nothing of others is overwritten; name a new folder")


def check_own_file(file: Path) -> None:
    """Raises InputError for a file that was not exported, or that browsers would not open as a page."""
    if file.is_dir():
        raise InputError(f"{file}: a folder; expected the name of an HTML file to write")
    if file.exists() and not file.is_file():  # a pipe would be read for ever
        raise InputError(f"{file}: a pipe or a device; expected the name of an HTML file to write")
    if file.suffix.lower() not in PAGES:
        raise InputError(f"{file}: expected a name that ends in .html, which a double click opens in a browser")
    if file.exists():
        with file.open("rb") as opened:
            if GENERATOR.encode() not in opened.read(4096):
                raise InputError(f"{file}: exists already and was not exported by dymap; name a new file")


def _player_page(given: Given) -> str:
    attributes = f' src="{CLIP}"'
    attributes += f' film="{FILM}"' if given.film else ""
    title = html.escape(printable(given.title or "dymap"))
    page = Template(web_files()["player.html"]).substitute(title=title, attributes=attributes, element=ELEMENT)
    return asks_early(page, CLIP, given.needed)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
