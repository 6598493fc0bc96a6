"""`dymap.runs.make_masks`: masks of the pictures of a capture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dymap.capture import read_source
from dymap.capture.masking.background import SHADOW
from dymap.capture.masking.make import Existing, MadeMasks
from dymap.capture.masking.make import make_masks as make
from dymap.capture.masking.methods import MaskingOptions, Method
from dymap.capture.masking.model import IMAGENET, LONGEST, NetworkOptions, parse_classes
from dymap.capture.masking.places import own_mask, remedy
from dymap.capture.source import Source
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.runs.bars import Bars, no_bars

__all__ = ["MadeMasks", "make_masks"]


def make_masks(
    data: str | Path,
    method: Method,
    *,
    plates: str | Path | None = None,
    shadow: float = SHADOW,
    key: str = "auto",
    model: str | Path | None = None,
    classes: Sequence[str] = (),
    mean: tuple[float, float, float] = IMAGENET[0],
    std: tuple[float, float, float] = IMAGENET[1],
    size: int = LONGEST,
    existing: Existing = "refuse",
    layout: str = "auto",
    options: dict[str, Any] | None = None,
    progress: Bars = no_bars,
) -> MadeMasks:
    """Make the masks of a capture, in the folder that its layout keeps them in.

    method: docs/masks.md. plates: pictures of the empty scene, for `clean-plate`. shadow: the darkest that a shadow
    makes a pixel, for `clean-plate` and `median`. key: colour of the screen, for `chroma`. model: an ONNX file; classes
    (`person=15`), mean, std and size belong to it. existing: what happens to masks that there are. layout, options: of
    the capture, if they are not found out.

    Raises InputError that names the file or the camera; then the capture is as it was.
    """
    network = NetworkOptions(mean, std, parse_classes(classes), size)
    wanted = MaskingOptions(
        None if plates is None else Path(plates), key, None if model is None else Path(model), network, shadow
    )
    config = CaptureConfig(layout=layout, options=options or {})
    source = read_source(data, config)
    with progress("masks") as update:
        made = make(source, method, wanted, existing, update)
    _check_found(read_source(data, config), source, made)
    return made


def _check_found(found: Source, before: Source, made: MadeMasks) -> None:
    """Raises InputError if a capture, read again, does not have the masks that were made for it."""
    if (found.layout, found.frames, len(found.cameras)) != (before.layout, before.frames, len(before.cameras)):
        raise InputError(
            f"{found.root}: with its masks the capture is read as {found.layout}, it was {before.layout}; name its "
            f"layout: --layout {before.layout}"
        )
    if lost := [path for place, path in made.files.items() if own_mask(found, *place) != path]:
        raise InputError(
            f"{lost[0]}: was written, but the reader of the layout {found.layout} does not look for it, as for "
            f"{len(lost)} of {made.made} masks; {remedy(found)}"
        )
