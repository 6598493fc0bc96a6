"""Video: a trained clip, ready to be seen from any viewpoint. `dymap.load` returns one."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dymap.errors import InputError
from dymap.geometry.box import scale_box
from dymap.geometry.camera import Array, Camera
from dymap.geometry.path import orbit_path
from dymap.kernels import Cancel, Rows
from dymap.play.orbit import ROUND, Orbit, framed, occupied_points
from dymap.render.cache import RendererCache
from dymap.render.image import Background, Image
from dymap.render.renderer import Renderer, RendererName, clip_renderer_maker
from dymap.video.clip import BakedVideo, describe
from dymap.video.model_file import SUFFIX, load_video

USUAL = Orbit()


class Video:
    """A baked video.

    cameras: the capture's, prepared; num_frames, fps; boxes [frames, 2, 3] world, metres. max_bytes: what decoded
    frames may take of the memory, default a quarter of it, at most 8 GiB.
    """

    def __init__(self, baked: BakedVideo, max_bytes: int | None = None):
        self.baked = baked
        self.cameras = baked.cameras
        self.fps = baked.fps
        self._renderers = RendererCache(clip_renderer_maker(baked.frame_model, baked.render), max_bytes)

    def __repr__(self) -> str:
        """One line: what is in it."""
        return f"<Video of {describe(self.baked)}>"

    @property
    def name(self) -> str:
        return self.baked.name

    @property
    def num_frames(self) -> int:
        return len(self.baked.frames)

    @property
    def boxes(self) -> Tensor:
        return self.baked.boxes

    def render(
        self,
        camera: Camera,
        frame: int = 0,
        *,
        renderer: RendererName = "march",
        background: Background = "black",
        cancel: Cancel | None = None,
        rows: Rows | None = None,
    ) -> Image:
        """The clip at position `frame` (0-based) seen by a camera: rgb, acc and depth.

        renderer: `march` skips empty space (method.md 8); `fast` takes shortcuts that hardly show, for real time (it is
        `march` if the native core does not run); `volume` samples the whole box (method.md 5) and is slower.
        Lens distortion of the camera is ignored. `cancel` may end the image from another thread, which raises
        Cancelled. rows: only these of the image, from a multiple of 32 to another or the end: to the bit what they are
        in all of it. Raises IndexError for a frame outside the clip.
        """
        return self.renderer(frame, renderer).render(camera.undistorted(), background, cancel, rows)

    def prefetch(self, frame: int, renderer: RendererName = "march") -> None:
        """Make ready, in the background, what an image at position `frame` needs: the next one of a film."""
        self._renderers.prefetch(frame, renderer)

    def renderer(self, frame: int, renderer: RendererName = "march") -> Renderer:
        """What renders the frame at a position: kept, or made now. Raises IndexError outside the clip."""
        return self._renderers.get(frame, renderer)

    def ready(self, frame: int, renderer: RendererName = "march") -> bool:
        """Whether that has been done, and is still in memory."""
        return self._renderers.ready(frame, renderer)

    def close(self) -> None:
        """Wait for what is made ready in the background, and forget all frames. For programs that end meanwhile."""
        self._renderers.close()
        self.baked.close()

    def viewer_box(self, frame: int) -> Tensor:
        """[2, 3] world, metres: what a viewer frames at position `frame` (method.md 11).

        The frame's box, scaled about its centre and shifted as the capture's preset says. Raises IndexError for a
        frame outside the clip.
        """
        if not 0 <= frame < self.num_frames:
            raise IndexError(f"frame {frame} is outside the clip of {self.num_frames} frames")
        scale, *shift = self.baked.viewer_box
        return torch.from_numpy(scale_box(self.boxes[frame].cpu(), scale, shift)).to(self.boxes)

    def orbit(
        self,
        count: int,
        width: int | None = None,
        height: int | None = None,
        published: bool = False,
        way: Orbit = USUAL,
    ) -> list[Camera]:
        """Cameras of a free-viewpoint orbit fitted to the capture's (method.md 13), with images of width x height.

        They look at the middle of what is occupied in the clip, through a lens in which the person fills the height
        of the images, 90 % of it at the tallest moment; width, height: default camera 0's. way: where else it goes.
        published: instead, with the lens of camera 0, they look at a point 1.3 m below the mean camera, which suits the
        published captures; zoom and height are left out then. Raises InputError for fewer than three cameras.
        """
        if len(self.cameras) < 3:
            raise InputError(f"an orbit needs at least 3 cameras; this video has {len(self.cameras)}")
        moved = np.array(self.baked.transform or np.eye(4)).reshape(4, 4)
        views = self.baked.path_views or range(len(self.cameras))
        if max(views) >= len(self.cameras):
            raise InputError(f"the orbit is fitted to view {max(views)}, but there are {len(self.cameras)} cameras")
        lens = self.cameras[0].fitted(width or self.cameras[0].width, height or self.cameras[0].height)
        # Fitted in the capture's own world; then moved like its cameras were.
        ring = [self.cameras[view].extrinsics @ moved for view in views]
        first, length = float(np.radians(way.start)), 2 * np.pi * way.turns
        if published:
            path = orbit_path(ring, count, first, length)
        else:
            back = np.linalg.inv(moved)
            moments = [points @ back[:3, :3].T + back[:3, 3] for points in self._occupied]
            points = np.concatenate(moments)
            target = (points.min(axis=0) + points.max(axis=0)) / 2
            lens = framed(lens, list(orbit_path(ring, ROUND, target=target, raised=way.height)), moments, way.zoom)
            path = orbit_path(ring, count, first, length, target, way.height)
        return [replace(lens.moved(pose).transformed(moved), name=f"orbit {k}") for k, pose in enumerate(path)]

    @cached_property
    def _occupied(self) -> list[Array]:
        """[n, 3] world, metres: the outermost occupied places of each frame."""
        return occupied_points(self.boxes.cpu().numpy(), (self.baked.grid(k) for k in range(self.num_frames)))


def load(path: str | Path, device: torch.device | str = "cpu") -> Video:
    """Open a run's folder or one baked file. Raises InputError if it is neither, or not baked yet."""
    place = Path(path)
    if place.is_dir():
        file = place / f"video{SUFFIX}"
        if not file.exists():
            raise InputError(f"{place}: not baked yet; run `dymap bake {shlex.quote(str(place))}`")
        place = file
    return Video(load_video(place, device))
