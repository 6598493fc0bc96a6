"""The methods, made ready for a capture: each is a function of a frame and a camera that gives a mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.decode import ENDINGS, read_alpha, read_image
from dymap.capture.masking import background, chroma, refine
from dymap.capture.masking.closer import SAMPLES, closer, within
from dymap.capture.masking.median import chosen, median_of
from dymap.capture.masking.model import Network, NetworkOptions
from dymap.capture.masking.tidy import Bytes
from dymap.capture.masks import HALF
from dymap.capture.numbers import natural
from dymap.capture.source import Source
from dymap.errors import InputError

Method = Literal["clean-plate", "median", "chroma", "alpha", "model", "refine", "hull"]
CLEANING: tuple[Method, ...] = ("refine", "hull")
"""Methods that begin with masks that there are: by the camera's other frames, and by the other cameras."""
MaskOf = Callable[[int], Bytes]
"""frame position -> [H, W] 1 foreground, 0 background."""
Tell = Callable[[str], None]
MAX_PLATES = 15
KEY_FRAMES = 5
"""Pictures of a camera that its key is found from."""


@dataclass(frozen=True)
class MaskingOptions:
    """What the methods need to be told. plates: folder of pictures of the empty scene. key: `auto`, a name or #rrggbb.
    model: an ONNX file. shadow: the darkest that a shadow makes a pixel (background.py)."""

    plates: Path | None = None
    key: str = "auto"
    model: Path | None = None
    network: NetworkOptions = field(default_factory=NetworkOptions)
    shadow: float = background.SHADOW


def masks_by(method: Method, source: Source, options: MaskingOptions, tell: Tell) -> Callable[[int], MaskOf]:
    """view -> its MaskOf, for any method but `hull`. tell: takes sentences about what is likely to be wrong.

    Raises InputError for options that are missing or wrong.
    """
    if not 0 < options.shadow <= 1:
        raise InputError(f"--shadow {options.shadow:g}: expected a share of the brightness, above 0 to 1")
    if method == "clean-plate":
        return lambda view: _against(source, view, background.background_of(_plates(source, view, options)), options)
    if method == "median":
        return lambda view: _against(source, view, _median(source, view, tell), options)
    if method == "chroma":
        return lambda view: _keyed(source, view, options, tell)
    if method == "alpha":
        return lambda view: lambda frame: _alpha(source, frame, view)
    if method == "refine":
        return lambda view: _refined(source, view)
    if options.model is None:
        raise InputError("--method model needs a network: --model FILE.onnx; docs/masks.md names some")
    network = Network(options.model, options.network)
    return lambda view: _seen_by(network, source, view)


def _present(source: Source, view: int) -> list[int]:
    return [frame for frame in range(len(source.frames)) if source.present(frame, view)]


def _against(source: Source, view: int, empty: background.Background, options: MaskingOptions) -> MaskOf:
    return lambda frame: background.foreground(source.picture(frame, view), empty, options.shadow)


def _plates(source: Source, view: int, options: MaskingOptions) -> list[Bytes]:
    """The pictures of the empty scene of a camera: PLATES/CAMERA.png, or pictures in PLATES/CAMERA/."""
    camera, root = source.cameras[view], options.plates
    if root is None:
        raise InputError("--method clean-plate needs pictures of the empty scene: --plates DIR")
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; --plates takes CAMERA.png, or a folder CAMERA of pictures, for each")
    inside = [path for path in root.iterdir() if path.suffix.lower() in ENDINGS and path.stem == camera.name]
    folder = root / camera.name
    if not inside and camera.name and folder.is_dir():
        inside = [path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.name[0] != "."]
    if not inside:
        raise InputError(
            f"{root}: no picture of the empty scene of camera {camera.name!r}; expected {camera.name}.png or pictures "
            f"in {camera.name}/"
        )
    files = sorted(inside, key=lambda path: natural(path.name))
    step = -(-len(files) // MAX_PLATES)
    plates = [read_image(path) for path in files[::step]]
    for path, plate in zip(files[::step], plates, strict=True):
        if plate.shape[:2] != (camera.height, camera.width):
            raise InputError(
                f"{path}: plate is {plate.shape[1]} x {plate.shape[0]}, the pictures of camera {camera.name!r} are "
                f"{camera.width} x {camera.height}; take it with the same camera, neither cropped nor turned"
            )
    return plates


def _median(source: Source, view: int, tell: Tell) -> background.Background:
    frames, camera = _present(source, view), source.cameras[view]
    taken = [frames[i] for i in chosen(len(frames), camera.width, camera.height)]
    try:
        median = median_of(source.picture(frame, view) for frame in taken)
    except ValueError as error:
        raise InputError(f"{source.root}: camera {camera.name!r}: {error}") from None
    if median.told:
        tell(f"camera {camera.name!r}: {median.told}; film the empty scene: --method clean-plate")
    return median.background


def _seen_by(network: Network, source: Source, view: int) -> MaskOf:
    frames, camera = _present(source, view), source.cameras[view]
    part = None
    if network.reduces(camera.height, camera.width):
        some = [frames[round(i)] for i in np.linspace(0, len(frames) - 1, min(SAMPLES, len(frames)))]
        part = closer([network.foreground(source.picture(frame, view)) for frame in sorted(set(some))])
    return lambda frame: within(part, network.foreground, source.picture(frame, view))


def _refined(source: Source, view: int) -> MaskOf:
    frames = [frame for frame in _present(source, view) if source.masked(frame, view)]
    taken = [frames[i] for i in chosen(len(frames), 2 * refine.SIDE, refine.SIDE)]
    seen = refine.evidence((source.picture(frame, view), _mask(source, frame, view)) for frame in taken)
    return lambda frame: refine.refined(source.picture(frame, view), _mask(source, frame, view), seen)


def _mask(source: Source, frame: int, view: int) -> Bytes:
    mask = source.mask(frame, view)
    assert mask is not None
    return mask


def _keyed(source: Source, view: int, options: MaskingOptions, tell: Tell) -> MaskOf:
    try:
        key = chroma.parse_key(options.key)
    except ValueError as error:
        raise InputError(f"--key: {error}") from None
    if key is None:
        key = _found_key(source, view)
        tell(f"camera {source.cameras[view].name!r}: the key is #{bytes(key).hex()}")
    screen: NDArray[np.uint8] = key
    return lambda frame: chroma.foreground(source.picture(frame, view), screen)


def _found_key(source: Source, view: int) -> NDArray[np.uint8]:
    frames = _present(source, view)
    some = sorted({frames[round(i)] for i in np.linspace(0, len(frames) - 1, KEY_FRAMES)})
    try:
        return chroma.find_key([source.picture(frame, view) for frame in some])
    except ValueError as error:
        raise InputError(f"{source.root}: camera {source.cameras[view].name!r}: {error}") from None


def _alpha(source: Source, frame: int, view: int) -> Bytes:
    path, camera = source.files(frame, view)[0], source.cameras[view]
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: a video has no transparency that can be read; choose another method")
    alpha = read_alpha(path)
    if alpha is None:
        raise InputError(f"{path}: the picture has no transparency, or nothing in it is transparent")
    mask = (alpha >= HALF).astype(np.uint8)
    if mask.shape == (camera.height, camera.width):
        return mask
    return np.asarray(cv2.resize(mask, (camera.width, camera.height), interpolation=cv2.INTER_NEAREST), np.uint8)
