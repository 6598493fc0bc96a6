"""dymap pack: a baked file becomes a small one that streams."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.console import Device, Threads, say
from dymap.cli.progress import progress_bar


def pack(
    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="A baked file, or the folder of a baked run.")],
    out: Annotated[Path, tyro.conf.arg(help="File to write.")],
    rate: Annotated[
        float | None, tyro.conf.arg(help="MB a frame that it may have; default: no loss that is seen.")
    ] = None,
    title: Annotated[str | None, tyro.conf.arg(help="What the clip is called.")] = None,
    author: Annotated[str | None, tyro.conf.arg(help="Who made it.")] = None,
    licence: Annotated[str | None, tyro.conf.arg(help="On which terms it may be used.")] = None,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Write a baked file as a small one that streams: quantised, entropy-coded, with a poster and what people are told.

    The best source is an exact file: `dymap bake RUN --exact`.
    """
    packed = runs.pack(
        file, out, rate=rate, title=title, author=author, licence=licence, device=device, threads=threads,
        progress=progress_bar,
    )  # fmt: skip
    if packed.note:
        say(f"{file}: {packed.note}")
    say(
        f"{packed.path}: {sum(packed.parts.values()) / 1e6:.2f} MB, {packed.mb_a_frame:.3f} MB a frame "
        f"({parts_text(packed.parts)}); next: dymap view {packed.path}"
    )
    return 0


def parts_text(parts: Mapping[str, int]) -> str:
    """Sizes by part, the largest first."""
    return ", ".join(f"{name} {size / 1e3:.0f} kB" for name, size in sorted(parts.items(), key=lambda part: -part[1]))
