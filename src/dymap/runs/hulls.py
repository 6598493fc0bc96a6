"""Carving hulls with a bar, before the work that needs them all."""

from __future__ import annotations

from dymap.capture import Capture
from dymap.config import TrainConfig
from dymap.runs.bars import Bars


def carve_hulls(capture: Capture, train: TrainConfig, progress: Bars) -> None:
    """Carve the hulls that a training with these options, and its bake, work in; those that are kept need no work."""
    if not (train.hull_samples and capture.has_masks):
        return
    frames = capture.uncarved(train.hull_grid)
    if frames:
        with progress("carve hulls") as update:
            for done, frame in enumerate(frames):
                update(done, len(frames))
                capture.hull(frame, train.hull_grid)
            update(len(frames), len(frames))
