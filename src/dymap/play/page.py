"""One self-contained HTML page of a run: films, a wipe between filmed and model, error maps, what is next, numbers.

Pictures and films are embedded, so the file can be mailed, and opens without a server or a network.
"""

from __future__ import annotations

import base64
import html
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.errors import printable
from dymap.files import replacing
from dymap.pictures import LARGEST_ERROR, error_colours, jpeg_bytes

Picture = NDArray[np.uint8]
"""[H, W, 3] RGB."""

LARGE, SMALL = 512, 244
"""CSS pixels, at most, at which page.html shows the comparison and the first film, and the other films. Pictures of
twice as many are sharp on screens of two pixels each."""
THUMBNAIL = 240
"""Pixels of the long side of a view's thumbnail."""


@dataclass(frozen=True, eq=False)
class Pair:
    """What a held-out camera filmed, what the model shows, and where they differ: pictures of the same size."""

    label: str
    truth: Picture
    prediction: Picture
    error: Picture


@dataclass(frozen=True, eq=False)
class Clip:
    """A film in the page. film: an MP4 that browsers play. poster: what is shown until it plays."""

    title: str
    explanation: str
    film: Path
    poster: Picture


@dataclass(frozen=True)
class Number:
    """What was measured. value None: it was not. meaning: a sentence for those who do not know the name."""

    title: str
    value: float | None
    unit: str
    meaning: str


@dataclass(frozen=True)
class NextStep:
    """What may be done next. command: one line or several."""

    title: str
    explanation: str
    command: str


def write_page(
    path: Path,
    title: str,
    lead: str,
    clips: Sequence[Clip],
    pairs: Sequence[Pair],
    comparison: str,
    steps: Sequence[NextStep],
    numbers: Sequence[Number],
    facts: Mapping[str, str],
) -> Path:
    """Write the page, beside and renamed. Its parts are in the order of the arguments; all text is escaped.

    lead, comparison: a paragraph above the films and above the pairs. clips: the first is shown large. facts: title ->
    value, what is worth knowing about the run. Raises InputError if the disk refuses.
    """
    text = Template(_read("page.html")).substitute(
        title=shown(title),
        lead=html.escape(lead),
        film="".join(_clip(clip) for clip in clips[:1]),
        films="\n".join(_clip(clip) for clip in clips[1:]),
        comparison=html.escape(comparison),
        pairs="\n".join(_pair(index, one) for index, one in enumerate(pairs)),
        views="\n".join(_view(index, one) for index, one in enumerate(pairs)),
        errors="\n".join(_error(index, one) for index, one in enumerate(pairs)),
        legend=_legend(),
        steps="\n".join(_step(step) for step in steps),
        numbers="\n".join(_number(number) for number in numbers),
        facts="\n".join(f"<dt>{shown(key)}</dt><dd>{shown(value)}</dd>" for key, value in facts.items()),
    )
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def shown(text: str) -> str:
    """Text of a capture or a file in HTML: nothing in it is a tag, a control character or a direction of writing."""
    return html.escape(printable(text))


def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _embedded(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _image(picture: Picture, what: str, alt: str) -> str:
    height, width = picture.shape[:2]
    return (
        f'<img class="{what}" alt="{shown(alt)}" width="{width}" height="{height}" draggable="false" '
        f'src="{_embedded(jpeg_bytes(picture), "image/jpeg")}">'
    )


def _clip(clip: Clip) -> str:
    height, width = clip.poster.shape[:2]
    return (
        f'<figure><div class="frame"><video autoplay loop muted playsinline controls width="{width}" height="{height}" '
        f'aria-label="Film: {shown(clip.title)}" poster="{_embedded(jpeg_bytes(clip.poster), "image/jpeg")}" '
        f'src="{_embedded(clip.film.read_bytes(), "video/mp4")}"></video></div>'
        f"<figcaption><b>{shown(clip.title)}</b> {html.escape(clip.explanation)}</figcaption></figure>"
    )


def _of_view(index: int) -> str:
    """Attributes of what belongs to a view: the first is shown."""
    return f'data-view="{index}"' + ("" if index == 0 else " hidden")


def _pair(index: int, one: Pair) -> str:
    model, filmed = (
        _image(picture, what, f"{what}: {one.label}")
        for what, picture in (("model", one.prediction), ("filmed", one.truth))
    )
    return f'<div class="pair" {_of_view(index)}>{model}{filmed}</div>'


def _error(index: int, one: Pair) -> str:
    return f'<div class="pair" {_of_view(index)}>{_image(one.error, "error", f"error: {one.label}")}</div>'


def _view(index: int, one: Pair) -> str:
    checked = " checked" if index == 0 else ""
    height, width = one.truth.shape[:2]
    scale = min(1.0, THUMBNAIL / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(one.truth, size, interpolation=cv2.INTER_AREA)
    image = _image(small.astype(np.uint8), "thumb", "")
    return (
        f'<label><input type="radio" name="view" autocomplete="off" value="{index}"{checked}>{image}'
        f"<span>{shown(one.label)}</span></label>"
    )


def _legend() -> str:
    """The scale of the errors, with numbers: shares of full brightness."""
    ramp = np.linspace(0, LARGEST_ERROR, 256, dtype=np.float32)[None, :, None].repeat(3, axis=-1)
    bar = _image(np.ascontiguousarray(error_colours(ramp, np.zeros_like(ramp))), "ramp", "")
    ticks = [f"{share:.0%}".replace("%", " %") for share in np.linspace(0, LARGEST_ERROR, 6)]
    ticks[-1] += " and more"
    return bar + '<div class="ticks">' + "".join(f"<span>{tick}</span>" for tick in ticks) + "</div>"


def _step(step: NextStep) -> str:
    # Browsers break lines after hyphens, and so within options: here they break between words.
    command = re.sub(r"[^ \n]+", lambda word: f"<span>{html.escape(word[0])}</span>", step.command)
    return (
        f"<li><h3>{html.escape(step.title)}</h3><p>{html.escape(step.explanation)}</p>"
        f"<pre><code>{command}</code></pre></li>"
    )


def _number(number: Number) -> str:
    if number.value is None or not math.isfinite(number.value):
        value = "not measured"
    else:
        value = f"{number.value:.3f}" if abs(number.value) < 1 else f"{number.value:.2f}"
        value += f" {number.unit}" if number.unit else ""
    parts = (("th scope=row", number.title), ("td", value), ("td", number.meaning))
    return "<tr>" + "".join(f"<{tag}>{html.escape(text)}</{tag.split()[0]}>" for tag, text in parts) + "</tr>"
