"""The control panel of a browser: what it offers, and its present values. A browser may send anything; what is read is
always in range."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, get_args

from dymap.config import ViewerRenderer
from dymap.play.viewer.picture import Colour, ViewerLayer

SIDES = (64, 2048)
"""Pixels: the range of a picture's longer side."""
MAX_FPS = 60
PLAY: Any = "player-play"
PAUSE: Any = "player-pause"
"""Names of icons (a type of viser's own)."""


@dataclass(frozen=True)
class Settings:
    """What the controls say at first. side: pixels along the longer side of a picture."""

    renderer: ViewerRenderer = "fast"
    side: int = 512
    background: Colour = (0, 0, 0)


@dataclass(frozen=True)
class Options(Settings):
    """What the controls say now. fps: frames a second while the clip plays."""

    layer: ViewerLayer = "rgb"
    fps: int = 1


class Controls:
    """The panel of one browser.

    gui: viser's; frames: of the clip, at `fps` frames a second; filmed: whether there are cameras to show. The handles
    are public for those who react to them.
    """

    def __init__(self, gui: Any, settings: Settings, frames: int, fps: float, filmed: bool):
        still = frames == 1
        self._last = frames - 1
        self.play = gui.add_button("Play", icon=PLAY, disabled=still)
        self.frame_slider = gui.add_slider("Frame", 0, max(1, self._last), 1, 0, disabled=still)
        self._fps = gui.add_slider("Frames a second", 1, MAX_FPS, 1, clamp(round(fps), 1, MAX_FPS), disabled=still)
        self._layer = gui.add_dropdown("Layer", get_args(ViewerLayer), hint="colours, distance, opacity")
        self._renderer = gui.add_dropdown(
            "Renderer",
            get_args(ViewerRenderer),
            initial_value=settings.renderer,
            hint="fast: shortcuts; march: exact",
        )
        self._side = gui.add_slider("Resolution", *SIDES, 16, settings.side, hint="pixels along the longer side")
        self._background = gui.add_rgb("Background", settings.background)
        self.cameras = gui.add_checkbox("Cameras", False, hint="click one to see what it saw", visible=filmed)
        self._status = gui.add_markdown("")
        self.picture_settings = (self._layer, self._renderer, self._side, self._background)

    def read(self) -> Options:
        """What the controls say now."""
        red, green, blue = (clamp(byte, 0, 255) for byte in self._background.value)
        return Options(
            renderer=one_of(self._renderer.value, get_args(ViewerRenderer)),
            side=clamp(self._side.value, *SIDES),
            background=(red, green, blue),
            layer=one_of(self._layer.value, get_args(ViewerLayer)),
            fps=clamp(self._fps.value, 1, MAX_FPS),
        )

    @property
    def frame(self) -> int:
        """The position in the clip at which the slider is."""
        return clamp(self.frame_slider.value, 0, self._last)

    def show_frame(self, frame: int) -> None:
        """Move the slider."""
        self.frame_slider.value = frame

    def show_playing(self, playing: bool) -> None:
        """Name on the button what it does next."""
        self.play.label = "Pause" if playing else "Play"
        self.play.icon = PAUSE if playing else PLAY

    def show_status(self, text: str) -> None:
        """Write the last line of the panel."""
        self._status.content = text


class PictureRate:
    """How long pictures take, and how many a second there are."""

    def __init__(self) -> None:
        self._shown: deque[float] = deque(maxlen=30)

    def add(self, now: float, seconds: float, width: int, height: int) -> str:
        """Count a picture that was shown at a clock's time `now`; returns the status line."""
        while self._shown and now - self._shown[0] > 2:
            self._shown.popleft()
        self._shown.append(now)
        status = f"{width} x {height}, {seconds * 1000:.0f} ms"
        span = now - self._shown[0]
        return f"{status}, {(len(self._shown) - 1) / span:.1f} pictures/s" if span > 0.25 else status


def clamp(value: Any, low: int, high: int) -> int:
    """A number from low to high; what is no number is low."""
    try:
        return int(min(max(value, low), high))
    except (TypeError, ValueError):
        return low


def one_of(value: Any, known: tuple[str, ...]) -> Any:
    """The chosen one of the known; the first if it is none of them."""
    return value if value in known else known[0]
