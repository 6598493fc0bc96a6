"""Render a Frame of your own: the dancer as a figure of clay, lit from where you like.

    python examples/10_render_a_frame_of_your_own.py --out out/10    # the clip that comes with dymap
    python examples/10_render_a_frame_of_your_own.py --out out/10 --run out/01/run --light 1 0 0

Renderers, bake and meshes know Frames and nothing behind them. A Frame is whatever says density and colour of the
points in its box: this one has the density of another, and a colour of its own.
"""

from pathlib import Path

import torch
import tyro
from torch import Tensor

import dymap
from dymap.field.frame import Frame
from dymap.pictures import to_bytes, write_png
from dymap.render.renderer import make_renderer
from dymap.runs.demonstration import PACKAGED

CLAY = (0.85, 0.60, 0.45)
REACH = 0.01
"""Metres over which densities are compared."""


class Clay(Frame):
    """The density of `inner`, shaded by how much its surface faces the light."""

    def __init__(self, inner: Frame, light: tuple[float, float, float]):
        self.inner, self.box = inner, inner.box
        self.light = torch.nn.functional.normalize(torch.tensor(light), dim=0)  # [3] towards it, world

    def density(self, position: Tensor) -> tuple[Tensor, Tensor]:
        return self.inner.density(position)

    def colour(self, position: Tensor, feature: Tensor, directions: Tensor, ray: Tensor | None = None) -> Tensor:  # noqa: ARG002
        lit = torch.relu(self.normals(position) @ self.light)  # [N] Lambert's cosine
        return (0.25 + 0.75 * lit)[:, None] * torch.tensor(CLAY)

    def normals(self, position: Tensor) -> Tensor:
        """[N, 3] unit vectors, world: where the density falls fastest. position: [N, 3] box coordinates."""
        steps = REACH / (self.box[1] - self.box[0]) * torch.eye(3)  # [3, 3] REACH along each axis
        after = torch.stack([self.density(position + step)[0] for step in steps], dim=1)  # [N, 3]
        before = torch.stack([self.density(position - step)[0] for step in steps], dim=1)
        return torch.nn.functional.normalize(torch.relu(before) - torch.relu(after), dim=1)


def main(
    run: Path = PACKAGED,
    time: int = 0,
    size: int = 256,
    light: tuple[float, float, float] = (-1.0, -1.0, 1.0),
    out: Path = Path("out/10"),
) -> None:
    video = dymap.load(run)
    camera = video.cameras[0].fitted(size, size)
    with torch.no_grad():
        segment, at, _ = video.baked.nearest(time)  # long clips have a field for every 30 frames
        frame = segment.field.at(at)
        grid = segment.occupancy[at]  # [gx, gy, gz] bool over the box: where there may be something
        frames = [frame, Clay(frame, light)]
        images = [make_renderer("march", one, grid, video.baked.render).render(camera, "white") for one in frames]
    print(f"largest difference of the opacities {(images[0].acc - images[1].acc).abs().max():.1e}")
    picture = torch.cat([image.rgb for image in images], dim=1)  # [H, 2 W, 3]
    print(f"as filmed, and as clay: {write_png(out / 'clay.png', to_bytes(picture))}")


if __name__ == "__main__":
    tyro.cli(main)
