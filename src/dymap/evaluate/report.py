"""What an evaluation leaves behind: metrics.json, a table, side-by-side pictures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dymap.evaluate.protocol import METRICS, Comparison, average
from dymap.pictures import error_colours, to_bytes

TITLES = {
    "psnr": "PSNR box",
    "psnr_foreground": "PSNR foreground",
    "psnr_image": "PSNR image",
    "ssim": "SSIM range 2",
    "ssim_range1": "SSIM range 1",
    "lpips": "LPIPS",
    "psnr_matched": "PSNR matched",
    "psnr_foreground_matched": "PSNR foreground matched",
}
COLUMNS = tuple(key for key in METRICS if key != "psnr_foreground_matched")
"""Those that fit in a table on a screen; metrics.json has all."""
UNITS = dict.fromkeys(("psnr", "psnr_foreground", "psnr_image", "psnr_matched", "psnr_foreground_matched"), "dB")
MEANINGS = {
    "psnr": "How close the colours are in the box around the person. 6 dB more halve the error; from about 30 dB on it "
    "hardly shows.",
    "psnr_foreground": "The same, for the person's own pixels only.",
    "psnr_image": "The same, for the whole picture, most of which is empty and easy.",
    "ssim": "How alike the fine structure is: 1 is the same. Computed as in the paper, which is lenient.",
    "ssim_range1": "The same as most papers compute it, which is stricter.",
    "lpips": "How different the pictures look to a network trained on what people see: 0 is the same. It needs weights "
    "(docs/lpips.md).",
    "psnr_matched": "As the first number, after the colours were brought to those of the camera, which may differ from "
    "the others'.",
    "psnr_foreground_matched": "The same, for the person's own pixels only.",
}
"""For those who film people."""


def summarise(
    comparisons: list[Comparison],
    frames: tuple[int, ...],
    view_names: list[str],
    lpips_note: str | None = None,
    train_views: Collection[int] = (),
) -> dict[str, Any]:
    """Metrics of every image, means of every view and of all, mean render time; ready for JSON (nan becomes null).

    view_names: of all views; those of one name are told apart by their index, as `distinct_labels` says.
    lpips_note: why there is no LPIPS, if there is none. train_views: whose images say little, as they were trained on.
    """
    view_names = distinct_labels(view_names)
    images = [
        {
            "frame": frames[c.frame],
            "view": view_names[c.view],
            "trained": c.view in train_views,
            **c.metrics,
            "seconds": c.seconds,
        }
        for c in comparisons
    ]
    trained = [view_names[view] for view in sorted({c.view for c in comparisons} & set(train_views))]
    views = {
        view_names[view]: average([c.metrics for c in comparisons if c.view == view])
        for view in sorted({c.view for c in comparisons})
    }
    seconds = float(np.mean([c.seconds for c in comparisons])) if comparisons else float("nan")
    mean = average([c.metrics for c in comparisons])
    note = {} if lpips_note is None else {"lpips_note": lpips_note}
    return _without_nan(
        {"mean": mean, "seconds_per_image": seconds, **note, "trained_views": trained, "views": views, "images": images}
    )


def distinct_labels(names: Sequence[str]) -> list[str]:
    """A label for each view: its name, or if others have that too (or it has none), with the view's index."""
    shared = {name for name, count in Counter(names).items() if count > 1}
    return [f"{name} (view {view})" if name in shared else name or str(view) for view, name in enumerate(names)]


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_without_nan(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def table_rows(summary: dict[str, Any]) -> list[list[str]]:
    """A row a view and one for the mean: name (marked if it was trained on) and formatted metrics."""
    rows = [*summary["views"].items(), ("mean", summary["mean"])]
    trained = set(summary.get("trained_views", ()))
    return [
        [
            f"{name} (trained)" if name in trained else name,
            *("-" if row[key] is None else f"{row[key]:.3f}" for key in COLUMNS),
        ]
        for name, row in rows
    ]


def side_by_side(comparison: Comparison) -> NDArray[np.uint8]:
    """[H, 3 W, 3] ground truth, prediction, error (mean over channels; black 0, yellow 0.25 and more)."""
    heat = error_colours(comparison.prediction, comparison.truth)
    pair = np.concatenate([comparison.truth, comparison.prediction], axis=1)
    return np.concatenate([to_bytes(pair), heat], axis=1)
