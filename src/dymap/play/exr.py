"""OpenEXR pictures: linear light and alpha, premultiplied, and the distance of what is seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dymap.errors import InputError
from dymap.files import replacing
from dymap.pictures import srgb_to_linear
from dymap.play.layers import seen_depth
from dymap.render.image import Image

EXR = ".exr"
"""The suffix of such a picture."""


def write_exr(path: Path, image: Image) -> Path:
    """Write an image that was rendered over `transparent`, beside and renamed.

    Channels: R, G, B linear light with the primaries of sRGB, times A; A opacity; half floats, all of them. Z float32,
    metres along the ray to what is seen, infinity if nothing is. What the picture shows is blended in sRGB, as films
    are: R / A is the linear light of its straight colour.

    Raises InputError without OpenEXR and if the disk refuses.
    """
    check_exr(path)
    import OpenEXR

    acc = image.acc.detach().clamp(0, 1)[..., None]
    straight = (image.rgb.detach() / acc.clamp(min=1e-6)).clamp(0, 1)
    linear = srgb_to_linear(straight.cpu().numpy()) * acc.cpu().numpy()
    rgba = np.concatenate([linear, acc.cpu().numpy()], axis=-1).astype(np.float16)
    depth = seen_depth(image).to(torch.float32).cpu().numpy()
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    try:
        with replacing(path) as beside, OpenEXR.File(header, {"RGBA": rgba, "Z": depth}) as file:
            file.write(str(beside))
    except RuntimeError as error:  # what the library makes of a full disk
        raise InputError(f"{path}: cannot be written ({error}); nothing was changed") from None
    return path


def check_exr(path: Path) -> None:
    """Raise InputError if the library that writes such pictures is not there."""
    try:
        import OpenEXR  # noqa: F401
    except ModuleNotFoundError:
        raise InputError(f"{path}: EXR is written by OpenEXR; install it with: pip install 'dymap[exr]'") from None
