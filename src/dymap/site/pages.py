"""The page's own files, and how it is told what to play."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from dymap.errors import InputError, printable
from dymap.site.bundle import script_json

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
