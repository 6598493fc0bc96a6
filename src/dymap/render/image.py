"""Images of a camera: rays that miss the box are background; the result is rgb, acc and depth (method.md 5, 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.errors import InputError
from dymap.geometry.camera import Camera
from dymap.geometry.rays import Rays, camera_rays, pixel_grid
from dymap.kernels import BLOCK, Cancel, Rows
from dymap.pictures import png_bytes, to_bytes, write_png

BAND_PIXELS = 2**18
"""Pixels whose rays are in memory at once."""
CANCEL_PIXELS = 2**14
"""Pixels between two looks at whether the image was cancelled."""

Background = Literal["black", "white", "transparent"] | Tensor
"""A colour's name, `transparent`, or an image [H, W, 3] in [0, 1]."""


class Cancelled(Exception):
    """An image was cancelled while it was rendered."""


class Rendered(NamedTuple):
    """What rays see: rgb [R, 3] over black, acc [R] opacity, depth [R] metres along the ray."""

    rgb: Tensor
    acc: Tensor
    depth: Tensor

    @staticmethod
    def cat(parts: list[Rendered]) -> Rendered:
        return Rendered(*(torch.cat(column) for column in zip(*parts, strict=True)))

    def among(self, rays: Rays, which: Tensor) -> Rendered:
        """What all rays see, if these are of the chosen ones, and the others see nothing. which: [n] int64."""
        rgb, acc, depth = torch.zeros_like(rays.origins), torch.zeros_like(rays.far), rays.far
        return Rendered(*(a.index_copy(0, which, b) for a, b in zip((rgb, acc, depth), self, strict=True)))


@dataclass(frozen=True, eq=False, repr=False)
class Image:
    """A rendered image.

    rgb: [H, W, 3] in [0, 1] over the background (over black, premultiplied, if it is transparent); acc: [H, W]
    opacity; depth: [H, W] metres along the ray, of which the light that passes has a share at the ray's end; far:
    [H, W] that end, where the ray leaves the box; both infinity if the ray misses it; hit: [H, W] the box mask.
    """

    rgb: Tensor
    acc: Tensor
    depth: Tensor
    far: Tensor
    hit: Tensor

    def __repr__(self) -> str:
        """One line, without the numbers of the pixels."""
        height, width = self.acc.shape
        seen = self.depth[self.acc > 0.5]
        depth = f", depth {seen.min():.2f} to {seen.max():.2f} m" if seen.numel() else ""
        return f"<Image {width} x {height}, opacity {float(self.acc.mean()):.1%}{depth}, {self.rgb.device}>"

    def _repr_png_(self) -> bytes:
        """The picture that a notebook shows."""
        return png_bytes(self.numpy())

    def save(self, path: str | Path, transparent: bool = False) -> Path:
        """Write the picture as .png, beside and renamed; returns its path.

        transparent: with straight alpha, if it was rendered over `transparent`. Raises InputError for another suffix
        and if the disk refuses.
        """
        place = Path(path)
        if place.suffix.lower() != ".png":
            raise InputError(f"{place}: pictures end in .png, not in {place.suffix or 'nothing'!r}")
        return write_png(place, self.rgba() if transparent else self.numpy())

    def over(self, background: Background) -> Image:
        """This image, which is over black, over another background. Raises ValueError for an unknown one."""
        if isinstance(background, Tensor):
            if background.shape != self.rgb.shape:
                raise ValueError(
                    f"background image has shape {tuple(background.shape)}, expected {tuple(self.rgb.shape)}"
                )
            rgb = self.rgb + (1 - self.acc)[..., None] * background.to(self.rgb)
        elif background == "white":
            rgb = self.rgb + (1 - self.acc)[..., None]
        elif background in ("black", "transparent"):
            return self
        else:
            raise ValueError(f"unknown background {background!r}; known are black, white, transparent or an image")
        return Image(rgb, self.acc, self.depth, self.far, self.hit)

    def numpy(self) -> NDArray[np.uint8]:
        """[H, W, 3] rounded to bytes."""
        return to_bytes(self.rgb)

    def rgba(self) -> NDArray[np.uint8]:
        """[H, W, 4] straight (not premultiplied) alpha, for compositing; meaningful with a transparent background."""
        colour = self.rgb / self.acc.clamp(min=1e-6)[..., None]
        return to_bytes(torch.cat([colour, self.acc[..., None]], dim=-1))


def image_of_rays(
    camera: Camera,
    box: Tensor,
    render_rays: Callable[[Rays], Rendered],
    cancel: Cancel | None = None,
    rows: Rows | None = None,
) -> Image:
    """The image over black of an undistorted camera, put together from what its rays that hit the box [2, 3] see.

    rows: only these of it, see `Renderer`. Memory is bounded beyond the image itself. Raises Cancelled if `cancel` ends
    it, between two bands of rows.
    """
    begin, end = rows or (0, camera.height)
    whole = rows is None and cancel is None
    count = max(1, BAND_PIXELS // camera.width) if whole else rows_at_once(camera.width)
    seen, fars, hits = [], [], []
    for first in range(begin, end, count):
        if cancel is not None and cancel.cancelled:
            raise Cancelled
        band = pixel_grid(camera, first, min(first + count, end))
        rays, hit = camera_rays(camera, box, band, box.device)
        seen.append(render_rays(rays))
        fars.append(rays.far)
        hits.append(hit)
    return assemble(Rendered.cat(seen), torch.cat(fars), torch.cat(hits), camera.width)


def rows_at_once(width: int) -> int:
    """How many rows of an image are worked on together if it may be cancelled, or is drawn in parts: so many that they
    divide BLOCK, as what is worked on together may decide on the last bits."""
    rows = BLOCK
    while rows > 1 and rows * width > CANCEL_PIXELS:
        rows //= 2
    return rows


def assemble(seen: Rendered, far: Tensor, hit: Tensor, width: int) -> Image:
    """Put what the rays that hit [M of H * W] see, and where they end [M], back into their image."""
    pixels, shape = len(hit), (len(hit) // width, width)
    rgb, acc = seen.rgb.new_zeros(pixels, 3), seen.acc.new_zeros(pixels)
    depth, end = (seen.depth.new_full((pixels,), float("inf")) for _ in range(2))
    rgb[hit], acc[hit], depth[hit], end[hit] = seen.rgb, seen.acc, seen.depth, far.to(seen.depth)
    return Image(
        rgb.reshape(*shape, 3), acc.reshape(shape), depth.reshape(shape), end.reshape(shape), hit.reshape(shape)
    )
