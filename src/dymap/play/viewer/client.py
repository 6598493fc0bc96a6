"""One browser of the viewer: its events become requests, its jobs become pictures, which it is sent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dymap.geometry.camera import Array
from dymap.play.video import Video
from dymap.play.viewer.camera import OrbitPose, View, camera_of, draft_side, is_valid
from dymap.play.viewer.controls import Controls, PictureRate, Settings
from dymap.play.viewer.frustums import CameraFrustums
from dymap.play.viewer.picture import render
from dymap.play.viewer.queue import Job, RenderQueue
from dymap.render.image import Cancelled

if TYPE_CHECKING:
    import viser

DRAFT_SECONDS = 0.05
"""What a picture may take while the camera moves."""
JPEG_QUALITY = {True: 75, False: 92}
"""Of drafts, and of full pictures."""


class ViewerClient:
    """One browser. Everything in its page is its own: others may see another frame from elsewhere.

    Its events run in the server's event loop and only update its state and the queue; `run` runs in the render thread
    and reads the state as it is then.
    """

    def __init__(self, handle: viser.ClientHandle, video: Video, queue: RenderQueue, settings: Settings, up: Array):
        self._handle, self._video, self._queue = handle, video, queue
        self._id = handle.client_id
        self._playing = False
        self._frame = self._last_frame = 0  # that is asked for; of the last picture
        self._seconds: float | None = None  # that a full picture takes
        self._rate = PictureRate()
        self._view = self._reported_view()
        self._controls = Controls(handle.gui, settings, video.num_frames, video.fps, bool(video.cameras))
        self._frustums = CameraFrustums(handle.scene, video, up, self.move_to)
        handle.camera.on_update(self._camera_moved)
        for control in self._controls.picture_settings:
            control.on_update(self._setting_changed)
        self._controls.frame_slider.on_update(self._frame_chosen)
        self._controls.play.on_click(self._play_clicked)
        self._controls.cameras.on_update(self._show_frustums)

    async def _camera_moved(self, _: object) -> None:
        view = self._reported_view()
        if not is_valid(view):
            return
        self._view = view
        self._queue.request(self._id)
        await self._show_frustums(None)

    async def _setting_changed(self, _: object) -> None:
        self._queue.request(self._id)

    async def _frame_chosen(self, event: Any) -> None:
        if event.client_id is not None:  # else the clip advanced by itself
            self._frame = self._controls.frame
            self._queue.request(self._id)

    async def _play_clicked(self, _: object) -> None:
        self._set_playing(not self._playing)

    async def _show_frustums(self, _: object) -> None:
        self._frustums.show(self._controls.cameras.value, self._view.position)

    def run(self, job: Job) -> None:
        """Render what is asked for now, and send it."""
        started = time.monotonic()
        if job.next_frame and self._playing:
            self._frame = (self._frame + 1) % self._video.num_frames
            self._controls.show_frame(self._frame)
        options, frame = self._controls.read(), self._frame
        if self._playing:
            self._video.prefetch((frame + 1) % self._video.num_frames, options.renderer)
        side = draft_side(options.side, self._seconds, DRAFT_SECONDS) if job.draft else options.side
        camera = camera_of(self._view, side)
        try:
            picture = render(
                self._video, camera, frame, options.layer, options.renderer, options.background, job.cancel
            )
        except Cancelled:
            pass
        else:
            self._send(picture, job.draft)
            now = time.monotonic()
            share = max(camera.width, camera.height) / options.side
            if frame == self._last_frame:  # the time does not include the decoder's
                self._seconds = (now - started) / share**2
            self._last_frame = frame
            self._controls.show_status(self._rate.add(now, now - started, camera.width, camera.height))
        if self._playing and job.next_frame:
            self._queue.schedule_frame(self._id, started + 1 / options.fps)

    def fail(self, error: Exception) -> None:
        """Pause the clip, and say that no picture could be made."""
        self._set_playing(False)
        self._controls.show_status(f"no picture: {error!s:.200}")
        self._handle.flush()

    def move_to(self, pose: OrbitPose) -> None:
        """Move the browser's camera."""
        camera = self._handle.camera
        with self._handle.atomic():
            camera.position, camera.fov = pose.position, pose.fov
            camera.up_direction = pose.up
            camera.look_at = pose.look_at

    def _send(self, picture: NDArray[np.uint8], draft: bool) -> None:
        """As JPEG, behind everything else in the page's scene."""
        self._handle.scene.set_background_image(picture, format="jpeg", jpeg_quality=JPEG_QUALITY[draft])
        self._handle.flush()

    def _set_playing(self, playing: bool) -> None:
        self._playing = playing
        self._controls.show_playing(playing)
        self._queue.schedule_frame(self._id, time.monotonic() if playing else None)

    def _reported_view(self) -> View:
        camera = self._handle.camera
        aspect = max(camera.image_width, 1) / max(camera.image_height, 1)  # of a window that is folded up: 0 x 0
        return View(camera.position, camera.wxyz, camera.fov, aspect)
