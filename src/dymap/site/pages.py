"""The page's own files, and how it is told what to play."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from dymap.errors import InputError, printable
from dymap.site.bundle import script_json, without_comments

WEB = Path(__file__).parents[1] / "web"
KINDS = {
    ".css": "text/css; charset=utf-8", ".dymap": "application/octet-stream", ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg", ".js": "text/javascript; charset=utf-8", ".json": "application/json",
    ".mp4": "video/mp4", ".png": "image/png", ".svg": "image/svg+xml", ".wgsl": "text/plain; charset=utf-8",
}  # fmt: skip
"""What a file is to a browser, by the end of its name; others are bytes."""
TEXTS = {".css", ".html", ".js", ".svg", ".wgsl"}
"""The kinds of files that the page consists of."""
TITLE = re.compile(r"<title>.*?</title>", re.DOTALL)
FRONT = 256 * 1024
"""Bytes of a clip that are asked for first: `FIRST_REQUEST` of the page's reader."""
MOST_EARLY = 8 * 2**20
"""Bytes of a clip that are asked for before its header was read, at most."""
EMPTY_POSTER = '<img class="poster" alt="" hidden>'
SETTINGS = re.compile(r'<script type="application/json" id="stage">.*?</script>\s*', re.DOTALL)


@cache
def web_files() -> Mapping[str, str]:
    """The texts of the page by their paths: `index.html`, `stage/main.js`. Raises InputError if they are missing."""
    found = {
        path.relative_to(WEB).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(WEB.rglob("*"))
        if path.suffix in TEXTS and path.is_file()
    }
    if "index.html" not in found:
        raise InputError(f"{WEB}: this installation of dymap lacks its page; install it again")
    return found


def told_page(name: str, title: str, settings: Mapping[str, object]) -> str:
    """A page of the package that knows what to play: `settings` lies in it as JSON. title: of a stranger's clip."""
    page = web_files()[name]
    page = TITLE.sub(
        lambda _: f"<title>{html.escape(printable(title or 'dymap'))}</title>", SETTINGS.sub("", page), count=1
    )
    script = f'<script type="application/json" id="stage">{script_json(settings)}</script>\n'
    return page.replace("</head>", f"{script}</head>", 1)


def with_poster(page: str, address: str) -> str:
    """The page with a picture of its clip from the first moment on. address: of the picture; empty: there is none."""
    return page.replace(EMPTY_POSTER, f'<img class="poster" alt="" src="{html.escape(address)}">') if address else page


def asks_early(page: str, clip: str, needed: int) -> str:
    """The page, which asks for its clip before its script is there. needed: bytes of a first picture; 0: unknown."""
    stop = needed if needed <= MOST_EARLY else 0
    begin = f'<script data-clip="{html.escape(clip)}" data-front="{FRONT}" data-stop="{stop}">'
    script = f"{begin}\n{without_comments(web_files()['early_requests.js'])}</script>"
    return page.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{script}', 1)
