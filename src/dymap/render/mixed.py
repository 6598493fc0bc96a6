"""One picture of two segments, which both show a frame: colours, opacities and depths by their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from dymap.geometry.camera import Camera
from dymap.kernels import Cancel, Rows
from dymap.render.image import Background, Image


class Part(Protocol):
    """A renderer of one segment, see `Renderer`."""

    @property
    def nbytes(self) -> int: ...

    def render(
        self,
        camera: Camera,
        background: Background = "black",
        cancel: Cancel | None = None,
        rows: Rows | None = None,
    ) -> Image: ...


@dataclass(frozen=True, eq=False)
class MixedRenderer:
    """parts: renderers of the same frame, so of the same box, and their weights, which sum to 1."""

    parts: tuple[tuple[Part, float], ...]

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part, _ in self.parts)

    def render(
        self,
        camera: Camera,
        background: Background = "black",
        cancel: Cancel | None = None,
        rows: Rows | None = None,
    ) -> Image:
        """The mean of what the parts see, over the background; where rays end is the same for all."""
        seen = [part.render(camera, "black", cancel, rows) for part, _ in self.parts]

        def mixed(values: Sequence[Tensor]) -> Tensor:
            total = values[0] * self.parts[0][1]
            for value, (_, weight) in zip(values[1:], self.parts[1:], strict=True):
                total = total + value * weight
            return total

        rgb, acc, depth = (mixed([getattr(image, name) for image in seen]) for name in ("rgb", "acc", "depth"))
        return Image(rgb, acc, depth, seen[0].far, seen[0].hit).over(background)
