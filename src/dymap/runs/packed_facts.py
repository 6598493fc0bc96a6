"""What the header of a file of version 2 says: for `dymap info`, which reads nothing else, and for reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dymap.geometry.box import size_in_metres
from dymap.video.clip import BakedVideo
from dymap.video.container import Container, open_container
from dymap.video.packed import PackedReader
from dymap.video.packed_header import bytes_by_part, packed_facts

Rows = list[tuple[str, str]]
"""(name, value), to be read from top to bottom."""


def packed_rows(path: Path) -> Rows:
    """Of a file of version 2. Raises InputError if its header is damaged."""
    container = open_container(path)
    _, facts = packed_facts(container)
    header, about, frames, cameras = container.header, facts["about"], facts["frames"], facts["cameras"]
    size = path.stat().st_size
    poster = next((chunk.length for chunk in container.chunks if chunk.kind == "poster"), 0)
    origin = ", ".join(f"{key} {value}" for key, value in about.provenance.items())
    segments = f", {len(facts['spans'])} segments" if len(facts["spans"]) > 1 else ""
    rows = [
        ("video", f"{path}, {size / 1e6:.2f} MB, {size / 1e6 / len(frames):.3f} MB a frame"),
        ("scene", about.title or facts["name"]),
        ("author", about.author),
        ("licence", about.licence),
        ("made by", origin[:200]),
        ("frames", f"{len(frames)} at {facts['fps']:g} fps, numbers {frames[0]} to {frames[-1]}{segments}"),
        ("cameras", f"{len(cameras)} of {cameras[0].width} x {cameras[0].height}" if cameras else "none"),
        ("box", size_in_metres(np.array([header["box"]], np.float32)) + ", the median of all frames"),
        ("occupancy", " x ".join(map(str, facts["bake"].grid))),
        ("poster", f"{poster / 1e3:.0f} kB" if poster else "none"),
        ("parts", parts_text(container)),
        ("quantised", f"coarseness {facts['quantiser']['coarseness']:.3g}"),
        ("next", f"dymap render {path}"),
    ]
    return [(name, value) for name, value in rows if value]


def parts_text(container: Container) -> str:
    """Sizes by part, the largest first."""
    parts = sorted(bytes_by_part(container.chunks).items(), key=lambda part: -part[1])
    return ", ".join(f"{name} {size / 1e3:.0f} kB" for name, size in parts)


def file_facts(baked: BakedVideo) -> dict[str, Any] | None:
    """Sizes of the file that a clip is played from, and how long it was decoded; None for others."""
    if not isinstance(baked.load, PackedReader):
        return None
    container, frames = baked.load.container, len(baked.frames)
    parts = bytes_by_part(container.chunks)
    size = sum(parts.values()) + container.chunks[0].offset
    return {
        "bytes": size,
        "mb_a_frame": size / 1e6 / frames,
        "mb_a_frame_by_part": {name: length / 1e6 / frames for name, length in parts.items()},
        "decode_seconds_a_frame": baked.load.seconds / frames,
    }
