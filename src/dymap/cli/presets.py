"""dymap presets: the experiments that a training can start from."""

from __future__ import annotations

from rich.table import Table

from dymap.cli.console import console, say
from dymap.presets import PRESETS


def presets() -> int:
    """List the presets: training steps, the size of images, the views that are tested, and what they are for."""
    table = Table("preset", "steps", "images", "test views", "what")
    for name, config in PRESETS.items():
        capture = config.capture
        views = ", ".join(map(str, capture.test_views)) or "yours"
        table.add_row(name, f"{config.train.steps:,}", f"x {capture.ratio:g}", views, PURPOSES.get(name, PUBLISHED))
    console.print(table)
    say("use one: dymap train --preset NAME --data DIR; all its options: dymap train --preset NAME --help-all")
    return 0


PURPOSES = {
    "tiny": "the demo's: few steps, images of full size",
    "small": "a capture of your own on a laptop (the default)",
    "pocket": "a clip that fits in 2 MB, baked with --half",
}
PUBLISHED = "as published; for a GPU"
