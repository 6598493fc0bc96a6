"""dymap import-model: from a released model to a run of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.console import say
from dymap.cli.options import Assignments, Configuration
from dymap.runs.commands import command


def import_model(
    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="latest.pth or final.pth.")],
    preset: Annotated[str, tyro.conf.arg(help="Its experiment, such as zjumocap/313.")],
    out: Annotated[Path, tyro.conf.arg(help="Folder of the run to make.")],
    data: Annotated[Path | None, tyro.conf.arg(help="The capture it was trained on.")] = None,
    boxes: Annotated[Path | None, tyro.conf.arg(help="Without --data: .npy [frames, 2, 3] boxes, metres.")] = None,
    set: Assignments = (),
    *,
    config: Configuration,
) -> int:
    """Import a released model: then evaluate, render and everything else work as for our own runs."""
    complete = runs.configure(config, {}, set)
    imported = runs.import_model(model, out, preset=preset, data=data, boxes=boxes, config=complete)
    if imported.baked:
        measurable = imported.has_capture and complete.capture.test_views
        following = command("evaluate" if measurable else "info", out)
    else:
        following = command("bake", out) + ("" if imported.can_bake else " --data DIR (its capture)")
    kind = "baked" if imported.baked else "trained"
    say(f"{model}: {kind} model, epoch {imported.epoch}; next: {following}")
    return 0
