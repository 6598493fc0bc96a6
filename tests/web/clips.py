"""Clips of many kinds for readers in other languages: small, and of numbers that nobody would train."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from dymap.config import BakeConfig, FieldConfig, HashConfig, RenderConfig
from dymap.field.field import Field
from dymap.field.segment import Segment
from dymap.field.start import begin
from dymap.video.clip import About, BakedVideo, InMemory, one_segment
from dymap.video.packing import save_packed
from dymap.video.spans import Span
from tests.golden.sources import Golden
from tests.video.videos import cameras, painted_video

JPEG = b"\xff\xd8\xff\xe0 a picture"


def write_clips(folder: Path, golden: Golden) -> dict[str, Path]:
    """A file of each kind."""
    paths = {}
    for name, data in files(golden).items():
        paths[name] = folder / f"{name}.dymap"
        paths[name].write_bytes(data)
    return paths


@cache
def files(golden: Golden) -> dict[str, bytes]:
    """What the files hold: made once."""
    videos: dict[str, Callable[[], BakedVideo]] = {
        "painted": lambda: replace(painted_video(golden), poster=JPEG, about=About("Ein Körper", "jemand", "CC0-1.0")),
        "several segments": several_segments,
        "odd sizes": odd_sizes,
        "one voxel": one_voxel,
        "nothing": nothing,
    }
    made = {}
    with TemporaryDirectory() as folder:
        for name, make in videos.items():
            torch.manual_seed(0)
            save_packed(Path(folder) / "clip.dymap", make())
            made[name] = (Path(folder) / "clip.dymap").read_bytes()
    return made


def several_segments() -> BakedVideo:
    """Four that overlap by 0 to 2 frames, of unequal lengths: two have the common decoder, two their own, all near what
    the seed 5 says."""
    config = FieldConfig(
        hash=HashConfig(levels=3, log2_size=9, features=4, base=4, finest=20, time_share=0.25), code_dim=16, width=16,
        plane_size=16, map_size=4, hidden=8, layers=2, directions="sh", direction_degree=3,
    )  # fmt: skip
    spans = Span(0, 4), Span(2, 5), Span(4, 6), Span(6, 9)
    boxes, grid = boxes_of(9), (10, 12, 14)
    first = random_field(config, boxes[: spans[0].stop])
    begin(first.decoder, 5)
    shift(first.decoder, 0.01)
    own = copy.deepcopy(first.decoder)
    shift(own, 0.02)
    occupancy = smooth_grids(9, grid)
    segments = []
    for index, span in enumerate(spans):
        field = random_field(config, boxes[slice(*span)])
        field.decoder.load_state_dict((own if index in (1, 3) else first.decoder).state_dict())
        segments.append(Segment(field, occupancy[slice(*span)]))
    about = About("four", provenance={"seed": 5})
    return replace(clip_of(segments[0], grid), segments=spans, load=InMemory(tuple(segments)), boxes=boxes,
                   frames=tuple(range(3, 12)), poster=JPEG, about=about)  # fmt: skip


def odd_sizes() -> BakedVideo:
    """Three features, planes as small as the maps, a grid of odd sides, an empty frame, no cameras, no poster."""
    config = FieldConfig(
        hash=HashConfig(levels=4, log2_size=8, features=3, base=3, finest=17), code_dim=5, width=12, plane_size=8,
        map_size=8, hidden=3, overlap=False, direction_degree=1,
    )  # fmt: skip
    occupancy = smooth_grids(4, (13, 7, 9))
    occupancy[2] = False
    whole = Segment(random_field(config, boxes_of(4)), occupancy)
    return replace(clip_of(whole, (13, 7, 9)), cameras=(), test_views=())


def one_voxel() -> BakedVideo:
    config = FieldConfig(
        hash=HashConfig(levels=1, log2_size=1, features=1, base=2, finest=2), code_dim=1, width=4, plane_size=8,
        map_size=2, hidden=1,
    )  # fmt: skip
    return clip_of(Segment(random_field(config, boxes_of(1)), torch.ones(1, 1, 1, 1, dtype=torch.bool)), (1, 1, 1))


def nothing() -> BakedVideo:
    """No voxel is occupied in any frame."""
    config = FieldConfig(
        hash=HashConfig(levels=2, log2_size=6, features=2, base=2, finest=8), code_dim=3, width=8, plane_size=8,
        map_size=4, hidden=2,
    )  # fmt: skip
    return clip_of(Segment(random_field(config, boxes_of(2)), torch.zeros(2, 5, 4, 3, dtype=torch.bool)), (5, 4, 3))


def clip_of(segment: Segment, grid: Sequence[int]) -> BakedVideo:
    bake, frames = BakeConfig(grid=(grid[0], grid[1], grid[2])), segment.field.num_frames
    turned = [replace(camera, pixel_offset=0.5 * (k % 2)) for k, camera in enumerate(cameras(4))]
    return one_segment(
        segment.field, segment.occupancy, RenderConfig(max_samples=64), bake, 25, range(frames), turned, (), (1, 3),
        "clip", viewer_box=(1.5, 0.25, -0.5, 1.0),
    )  # fmt: skip


def random_field(config: FieldConfig, boxes: Tensor) -> Field:
    """Hash tables of which most entries round to 0, and some are very large."""
    field = Field(config, boxes).requires_grad_(False)
    for table in field.hash.tables:
        table.copy_(torch.randn_like(table) * 0.05 * (torch.rand(len(table), 1) < 0.4))
        table[:: max(len(table) // 7, 1)] *= 1e4
    return field


def shift(decoder: torch.nn.Module, size: float) -> None:
    with torch.no_grad():
        for value in decoder.parameters():
            value += size * torch.randn_like(value)


def boxes_of(frames: int) -> Tensor:
    low = torch.tensor([-0.6, -0.5, -0.1]).repeat(frames, 1)
    low[:, 1] -= 0.01 * torch.arange(frames)
    return torch.stack([low, low + torch.tensor([1.2, 1.1, 2.0])], dim=1)


def smooth_grids(frames: int, grid: Sequence[int]) -> Tensor:
    """[frames, gx, gy, gz] bool: blobs that move a little from frame to frame, up to the faces."""
    axes = torch.meshgrid(*(torch.linspace(0, 5, side) for side in grid), indexing="ij")
    waves = [sum(torch.sin((1 + k) * axis + k + 0.3 * frame) for k, axis in enumerate(axes)) for frame in range(frames)]
    return torch.stack([wave > 0.4 for wave in waves if isinstance(wave, Tensor)])


def packed_bits(occupancy: Tensor) -> np.ndarray:
    """[frames, words] uint32: how the browser's reader lays out bits."""
    flat = occupancy.cpu().numpy().reshape(len(occupancy), -1)
    wide = np.pad(flat, ((0, 0), (0, -flat.shape[1] % 32)))
    return np.packbits(wide, axis=1, bitorder="little").view("<u4")
