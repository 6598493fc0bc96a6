"""One browser of the viewer: its controls, its camera, and the pictures that it is sent."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from dymap.geometry.camera import Array, Camera
from dymap.kernels import Cancel
from dymap.play.layers import acc_layer, depth_layer, depth_range
from dymap.play.video import Video
from dymap.play.viewer_camera import Stand, View, camera_of, draft_side, is_sound, stand_at, view_of
from dymap.play.viewer_turns import Turn, Turns
from dymap.render.image import Cancelled

if TYPE_CHECKING:
    import viser

ViewerLayer = Literal["rgb", "depth", "acc"]
ViewerRenderer = Literal["fast", "march"]
Colour = tuple[int, int, int]
"""Bytes."""

SIDES = (64, 2048)
"""Pixels: the range of a picture's longer side."""
DRAFT_SECONDS = 0.05
"""What a picture may take while the camera moves."""
JPEG_QUALITY = {True: 75, False: 92}
"""Of drafts, and of full pictures."""
MAX_FPS = 60
CAMERA_COLOUR: Colour = (230, 130, 30)
PLAY: Any = "player-play"
PAUSE: Any = "player-pause"
"""Names of icons (a type of viser's own)."""


@dataclass(frozen=True)
class Settings:
    """What the controls say at first. side: pixels along the longer side of a picture."""

    renderer: ViewerRenderer = "fast"
    side: int = 512
    background: Colour = (0, 0, 0)


def paint(
    video: Video,
    camera: Camera,
    frame: int,
    layer: ViewerLayer,
    renderer: ViewerRenderer,
    background: Colour,
    cancel: Cancel | None = None,
) -> NDArray[np.uint8]:
    """[H, W, 3] what a browser is shown: the colours over a background, or depth or opacity over black.

    Depth has one scale for the whole clip from where one stands. Raises Cancelled.
    """
    if layer == "rgb":
        behind = (torch.tensor(background, device=video.boxes.device) / 255).expand(camera.height, camera.width, 3)
        return video.render(camera, frame, renderer=renderer, background=behind, cancel=cancel).numpy()
    image = video.render(camera, frame, renderer=renderer, background="transparent", cancel=cancel)
    if layer == "acc":
        return acc_layer(image)
    near, far = depth_range([camera.position] * video.num_frames, video.boxes.cpu())
    return depth_layer(image, near, far)


def within(value: Any, low: int, high: int) -> int:
    """A number from low to high that a control says: a browser may send anything. What is no number is low."""
    try:
        return int(min(max(value, low), high))
    except (TypeError, ValueError):
        return low


def one_of(value: Any, known: tuple[str, ...]) -> Any:
    """What a list of choices says, the first where it is none of them."""
    return value if value in known else known[0]


class Pace:
    """How long pictures take, and how many a second there are."""

    def __init__(self) -> None:
        self._shown: deque[float] = deque(maxlen=30)

    def note(self, now: float, seconds: float, width: int, height: int) -> str:
        """A picture was shown: what to say about it. now: a clock's seconds."""
        while self._shown and now - self._shown[0] > 2:
            self._shown.popleft()
        self._shown.append(now)
        said = f"{width} x {height}, {seconds * 1000:.0f} ms"
        span = now - self._shown[0]
        return f"{said}, {(len(self._shown) - 1) / span:.1f} pictures/s" if span > 0.25 else said


class Seat:
    """One browser. Everything in its page is its own: others may look at another time from elsewhere.

    Its callbacks run in the server's event loop and only write down what is wished; `paint` runs in the painter's
    thread, and sees each wish whole.
    """

    def __init__(self, client: viser.ClientHandle, video: Video, turns: Turns, settings: Settings, up: Array):
        self._client, self._video, self._turns = client, video, turns
        self._id = client.client_id
        self._up = up
        self._playing = False
        self._frame = self._painted = 0
        self._seconds: float | None = None  # that a full picture takes
        self._pace = Pace()
        self._view = self._reported()
        self._add_controls(settings)
        self._add_cameras()
        client.camera.on_update(self._moved)

    def paint(self, turn: Turn) -> None:
        """Render what is wished now, and send it."""
        started = time.monotonic()
        if turn.tick and self._playing:
            self._frame = (self._frame + 1) % self._video.num_frames
            self._slider.value = self._frame
        renderer: ViewerRenderer = one_of(self._renderer.value, get_args(ViewerRenderer))
        layer: ViewerLayer = one_of(self._layer.value, get_args(ViewerLayer))
        red, green, blue = (within(byte, 0, 255) for byte in self._background.value)
        if self._playing:
            self._video.prefetch((self._frame + 1) % self._video.num_frames, renderer)
        full, frame = within(self._side.value, *SIDES), self._frame
        camera = camera_of(self._view, draft_side(full, self._seconds, DRAFT_SECONDS) if turn.draft else full)
        try:
            picture = paint(self._video, camera, frame, layer, renderer, (red, green, blue), turn.cancel)
        except Cancelled:
            pass
        else:
            self._show(picture, turn.draft)
            now = time.monotonic()
            share = max(camera.width, camera.height) / full
            if frame == self._painted:  # the time does not include the decoder's
                self._seconds = (now - started) / share**2
            self._painted = frame
            self._line.content = self._pace.note(now, now - started, camera.width, camera.height)
        if self._playing and turn.tick:
            self._turns.tick(self._id, started + 1 / within(self._speed.value, 1, MAX_FPS))

    def fail(self, error: Exception) -> None:
        """Say that no picture could be made. The clip stands then."""
        self._set_playing(False)
        self._line.content = f"no picture: {error}"
        self._client.flush()

    def _show(self, picture: NDArray[np.uint8], draft: bool) -> None:
        self._client.scene.set_background_image(picture, format="jpeg", jpeg_quality=JPEG_QUALITY[draft])
        self._client.flush()

    def _reported(self) -> View:
        camera = self._client.camera
        aspect = max(camera.image_width, 1) / max(camera.image_height, 1)  # of a window that is folded up: 0 x 0
        return View(camera.position, camera.wxyz, camera.fov, aspect)

    def _add_controls(self, settings: Settings) -> None:
        gui, frames = self._client.gui, self._video.num_frames
        still = frames == 1
        self._play = gui.add_button("Play", icon=PLAY, disabled=still)
        self._slider: Any = gui.add_slider("Frame", 0, max(1, frames - 1), 1, 0, disabled=still)
        speed = min(max(round(self._video.fps), 1), MAX_FPS)
        self._speed = gui.add_slider("Frames a second", 1, MAX_FPS, 1, speed, disabled=still)
        self._layer: Any = gui.add_dropdown("Layer", get_args(ViewerLayer), hint="colours, distance, opacity")
        self._renderer: Any = gui.add_dropdown(
            "Renderer",
            get_args(ViewerRenderer),
            initial_value=settings.renderer,
            hint="fast: shortcuts; march: exact",
        )
        self._side = gui.add_slider("Resolution", *SIDES, 16, settings.side, hint="pixels along the longer side")
        self._background = gui.add_rgb("Background", settings.background)
        self._cameras = gui.add_checkbox("Cameras", False, hint="click one to stand there", visible=self._filmed)
        self._line = gui.add_markdown("")
        for control in (self._layer, self._renderer, self._side, self._background):
            control.on_update(self._changed)
        self._slider.on_update(self._sought)
        self._cameras.on_update(self._show_cameras)
        self._play.on_click(self._play_or_pause)

    @property
    def _filmed(self) -> bool:
        return bool(self._video.cameras)

    def _add_cameras(self) -> None:
        """The capture's cameras, a twentieth as large as they are far from the scene."""
        middle = self._video.viewer_box(0).mean(dim=0).cpu().numpy().astype(np.float64)
        self._frustums: list[tuple[Any, Array, float]] = []
        for index, camera in enumerate(self._video.cameras):
            view = view_of(camera)
            size = 0.05 * float(np.linalg.norm(camera.position - middle))
            frustum = self._client.scene.add_camera_frustum(
                f"/cameras/{index}", view.fov, view.aspect, scale=size, variant="filled", color=CAMERA_COLOUR,
                thickness=2, thickness_units="screen", wxyz=view.wxyz, position=view.position, visible=False,
                cast_shadow=False, receive_shadow=False,
            )  # fmt: skip
            stand = stand_at(camera, self._up, middle)

            async def jump(_: object, stand: Stand = stand) -> None:
                self.stand(stand)

            frustum.on_click(jump)
            self._frustums.append((frustum, camera.position, size))

    def stand(self, stand: Stand) -> None:
        """Move the browser's camera."""
        camera = self._client.camera
        with self._client.atomic():
            camera.position, camera.fov = stand.position, stand.fov
            camera.up_direction = stand.up
            camera.look_at = stand.look_at

    async def _moved(self, _: object) -> None:
        view = self._reported()
        if not is_sound(view):
            return
        self._view = view
        self._turns.wish(self._id)
        await self._show_cameras(None)

    async def _changed(self, _: object) -> None:
        self._turns.wish(self._id)

    async def _sought(self, event: Any) -> None:
        if event.client_id is not None:  # else the clip went on by itself
            self._frame = within(self._slider.value, 0, self._video.num_frames - 1)
            self._turns.wish(self._id)

    async def _show_cameras(self, _: object) -> None:
        """All but the one in which the browser's own camera stands: it would veil the picture."""
        for frustum, position, size in self._frustums:
            shown = self._cameras.value and float(np.linalg.norm(position - self._view.position)) > size
            if frustum.visible != shown:
                frustum.visible = shown

    async def _play_or_pause(self, _: object) -> None:
        self._set_playing(not self._playing)

    def _set_playing(self, playing: bool) -> None:
        self._playing = playing
        self._play.label = "Pause" if playing else "Play"
        self._play.icon = PAUSE if playing else PLAY
        self._turns.tick(self._id, time.monotonic() if playing else None)
