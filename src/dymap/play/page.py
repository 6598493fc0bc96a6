"""One self-contained HTML page of a run: a slider between truth and prediction, films, error maps, numbers.

Pictures and films are embedded, so the file can be mailed, and opens without a server or a network.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np
from numpy.typing import NDArray

from dymap.errors import printable
from dymap.files import replacing
from dymap.pictures import png_bytes

Picture = NDArray[np.uint8]
"""[H, W, 3] RGB."""


@dataclass(frozen=True, eq=False)
class Pair:
    """What a held-out camera filmed, what the model shows, and where they differ: pictures of the same size."""

    label: str
    truth: Picture
    prediction: Picture
    error: Picture


@dataclass(frozen=True)
class Clip:
    """A film in the page. film: an MP4 that browsers play."""

    title: str
    explanation: str
    film: Path


def write_page(
    path: Path,
    title: str,
    pairs: Sequence[Pair],
    clips: Sequence[Clip],
    metrics: Mapping[str, float | None],
    facts: Mapping[str, str],
    commands: Mapping[str, str],
) -> Path:
    """Write the page, beside and renamed.

    metrics: title -> value (None: not measured). facts: title -> value, what is worth knowing about the run. commands:
    explanation -> command line, what to do next. All text is escaped. Raises InputError if the disk refuses.
    """
    text = Template(_read("page.html")).substitute(
        title=shown(title),
        pairs="\n".join(_pictures(index, one) for index, one in enumerate(pairs)),
        tabs="\n".join(_tab(index, one) for index, one in enumerate(pairs)),
        clips="\n".join(_clip(clip) for clip in clips),
        metrics="\n".join(_entry("dt", "dd", key, _number(value)) for key, value in metrics.items()),
        facts="\n".join(_entry("dt", "dd", key, value) for key, value in facts.items()),
        commands="\n".join(_entry("p", "pre", key, value) for key, value in commands.items()),
    )
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def shown(text: str) -> str:
    """Text of a capture or a file in HTML: nothing in it is a tag, a control character or a direction of writing."""
    return html.escape(printable(text))


def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _entry(first: str, second: str, key: str, value: str) -> str:
    return f"<{first}>{shown(key)}</{first}><{second}>{shown(value)}</{second}>"


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "not measured"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"


def _image(picture: Picture, what: str, label: str) -> str:
    data = base64.b64encode(png_bytes(picture)).decode("ascii")
    return f'<img class="{what}" alt="{what}, {shown(label)}" src="data:image/png;base64,{data}">'


def _pictures(index: int, one: Pair) -> str:
    parts = (("truth", one.truth), ("prediction", one.prediction), ("error", one.error))
    images = "".join(_image(picture, what, one.label) for what, picture in parts)
    height, width = one.truth.shape[:2]
    hidden = "" if index == 0 else " hidden"
    return f'<div class="pair" style="aspect-ratio: {width} / {height}"{hidden}>{images}</div>'


def _tab(index: int, one: Pair) -> str:
    return f'<button type="button" aria-pressed="{str(index == 0).lower()}">{shown(one.label)}</button>'


def _clip(clip: Clip) -> str:
    data = base64.b64encode(clip.film.read_bytes()).decode("ascii")
    return (
        f'<figure><video autoplay loop muted playsinline controls src="data:video/mp4;base64,{data}"></video>'
        f"<figcaption><b>{shown(clip.title)}</b> {shown(clip.explanation)}</figcaption></figure>"
    )
