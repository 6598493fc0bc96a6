"""Masks by a segmentation network in an ONNX file, run with onnxruntime (extra `masks`).

    picture -> resized to the network's size, normalised -> network -> how much each pixel is foreground -> mask

Networks differ in the order of their axes, their size, and what they give; all that is found out from the file, but for
the normalisation and the classes that are foreground.
"""

from __future__ import annotations

import importlib
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.masking.onnx_file import read_network
from dymap.capture.masking.tidy import Bytes, Floats, tidy
from dymap.errors import InputError

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of the colours [0, 1] that most networks were trained on."""
LONGEST = 1024
"""Pixels of the longest side that a network of any size is given, unless another is asked for."""
STEP = 32
"""Sizes of networks that take any are multiples of this."""
MAX_SIDE = 4096
KINDS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
MAX_CLASSES = 2000


@dataclass(frozen=True)
class NetworkOptions:
    """What a network's file does not say. mean, std: of colours in [0, 1]; uint8 networks normalise by themselves.
    classes: name -> number of those that are foreground. longest: side of pictures for networks that take any size."""

    mean: tuple[float, float, float] = IMAGENET[0]
    std: tuple[float, float, float] = IMAGENET[1]
    classes: Mapping[str, int] = field(default_factory=dict)
    longest: int = LONGEST


class Network:
    """A loaded network: `foreground(picture)`, from any thread; one picture at a time is in it, for memory's sake."""

    def __init__(self, path: Path, options: NetworkOptions):
        if min(options.std) <= 0 or not np.isfinite([*options.mean, *options.std]).all():
            raise InputError(f"--std {' '.join(map(str, options.std))}: expected three numbers above 0")
        if not STEP <= options.longest <= MAX_SIDE:
            raise InputError(f"--size {options.longest}: expected {STEP} to {MAX_SIDE} pixels")
        try:
            ort: Any = importlib.import_module("onnxruntime")
        except ImportError:
            raise InputError("--method model needs the extra masks: pip install 'dymap[masks]'") from None
        self.path, self.options, self._busy = path, options, threading.Lock()
        self._session = self._load(ort, read_network(path))
        self._name, self._type, self._first, self._size = self._input()
        self._output = self._session.get_outputs()[0].name

    def foreground(self, picture: Bytes) -> Bytes:
        """[H, W] 1 where the network sees foreground in a picture [H, W, 3] RGB. Raises InputError."""
        prepared = self._prepared(picture)
        try:
            with self._busy:
                given = self._session.run([self._output], {self._name: prepared})[0]
        except Exception as error:  # whatever the library makes of a network
            raise InputError(f"{self.path}: the network cannot be run ({_line(error)})") from None
        fed = prepared.shape[2:] if self._first else prepared.shape[1:3]
        score = above(np.asarray(given), (fed[0], fed[1]), self._first, list(self.options.classes.values()), self.path)
        height, width = picture.shape[:2]
        return tidy((cv2.resize(score, (width, height), interpolation=cv2.INTER_LINEAR) > 0).astype(np.uint8))

    def reduces(self, height: int, width: int) -> bool:
        """Whether it sees a picture of that size smaller than it is."""
        size = self._size or _free_size(height, width, self.options.longest)
        return size[0] < height and size[1] < width

    def _load(self, ort: Any, data: bytes) -> Any:
        settings = ort.SessionOptions()
        settings.log_severity_level = 4
        settings.add_session_config_entry("session.load_model_format", "ONNX")  # not as what was not looked through
        known = ort.get_available_providers()
        chosen = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in known]
        try:
            return ort.InferenceSession(data, settings, providers=chosen)
        except Exception as error:  # whatever the library makes of a file
            newer = "opset" in str(error).lower() or "ir version" in str(error).lower()
            remedy = (
                "export it with an older opset (17, say), or update onnxruntime" if newer else "is it another file?"
            )
            raise InputError(
                f"{self.path}: onnxruntime {ort.__version__} cannot load the network ({_line(error)}); {remedy}"
            ) from None

    def _input(self) -> tuple[str, Any, bool, tuple[int, int] | None]:
        """The input's name, type, whether channels are its first axis, and its height and width (None: any)."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(repr(one.name) for one in inputs[:6])
            raise InputError(
                f"{self.path}: the network takes {len(inputs)} inputs ({names}), expected one, the picture; those that "
                "remember earlier pictures are not supported"
            )
        (one,) = inputs
        shape = [size if isinstance(size, int) and size > 0 else None for size in one.shape]
        first = len(shape) == 4 and shape[1] == 3
        if len(shape) != 4 or not (first or shape[3] == 3) or shape[0] not in (1, None) or one.type not in KINDS:
            raise InputError(
                f"{self.path}: the network takes {one.type} {one.shape}, expected a picture of float32, float16 or "
                "uint8: [1, 3, height, width] or [1, height, width, 3]"
            )
        height, width = shape[2:] if first else shape[1:3]
        if max(height or 0, width or 0) > MAX_SIDE:
            raise InputError(f"{self.path}: the network takes {one.shape}, more than {MAX_SIDE} pixels a side")
        return one.name, KINDS[one.type], first, None if height is None or width is None else (height, width)

    def _prepared(self, picture: Bytes) -> NDArray[Any]:
        height, width = self._size or _free_size(picture.shape[0], picture.shape[1], self.options.longest)
        smaller = height * width < picture.shape[0] * picture.shape[1]
        resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
        values: NDArray[Any] = resized
        if self._type is not np.uint8:
            mean, std = np.array(self.options.mean, np.float32), np.array(self.options.std, np.float32)
            values = ((resized.astype(np.float32) / 255 - mean) / std).astype(self._type)
        return np.ascontiguousarray(values.transpose(2, 0, 1)[None] if self._first else values[None])


def above(output: NDArray[Any], fed: tuple[int, int], first: bool, classes: Sequence[int], path: Path) -> Floats:
    """[h, w] above 0 where a network's output says foreground.

    output: [1, C, h, w], [1, h, w, C] or [1, h, w], with or without the 1: one channel of opacities in [0, 1] or
    [0, 255] or of logits, two of background and foreground, more of `classes`, or numbers of classes (integers).
    fed: height and width that the network was given. first: whether channels were before them. Raises InputError that
    names the file.
    """
    values = _channels_first(output, fed, first, path)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(f"{path}: the network gives values that are not finite; do --mean and --std fit it?")
    count = len(values)
    if count == 1 and values.dtype.kind in "iu" and (classes or values.dtype != np.uint8):
        return np.where(np.isin(values[0], _labels(classes, int(values.max()), path)), 1, -1).astype(np.float32)
    values = values.astype(np.float32)
    if count == 1:
        if values.min() < -0.01:  # logits
            return np.asarray(values[0])
        return np.asarray(values[0] - (0.5 if values.max() <= 1.01 else 127.5), np.float32)
    chosen = _chosen(classes, count, path)
    others = np.delete(values, chosen, axis=0)
    return np.asarray(values[chosen].max(axis=0) - others.max(axis=0), np.float32)


def _channels_first(output: NDArray[Any], fed: tuple[int, int], first: bool, path: Path) -> NDArray[Any]:
    """[C, h, w]: the axes are those whose sides are to each other as what was fed, to a pixel; if either order fits
    as well, they are in the order of the input's."""
    values = output[0] if output.ndim in (3, 4) and output.shape[0] == 1 else output
    if values.ndim == 2:
        values, first = values[None], True
    if values.ndim == 3 and 0 not in values.shape:
        before, behind = _misfit(values.shape[1:], fed), _misfit(values.shape[:2], fed)
        chosen = values if before < behind or (before == behind and first) else np.moveaxis(values, -1, 0)
        if min(before, behind) <= 1 and len(chosen) <= MAX_CLASSES:
            return chosen
    raise InputError(
        f"{path}: the network gives an array of shape {output.shape}, expected one value or one for each class a pixel "
        f"of the {fed[0]} rows and {fed[1]} columns that it was given, or of a smaller picture of that shape"
    )


def _misfit(sides: Sequence[int], fed: tuple[int, int]) -> float:
    """By how many pixels height and width differ from those fed, scaled as fits best. A pixel is no picture."""
    if max(sides) == 1:
        return math.inf
    return abs(sides[0] * fed[1] - sides[1] * fed[0]) / (fed[0] + fed[1])


def parse_classes(words: Sequence[str]) -> dict[str, int]:
    """`person=15` -> its number. Raises InputError."""
    found = {}
    for word in words:
        name, equals, number = word.partition("=")
        if not (equals and name and number.isascii() and number.isdecimal() and len(number) < 5):
            raise InputError(f"--class {word}: expected a name and a number, such as person=15")
        found[name] = int(number)
    return found


def _labels(classes: Sequence[int], highest: int, path: Path) -> Sequence[int]:
    """The numbers that are foreground in a map of classes; without a choice the 1 of 0 and 1."""
    if not classes and highest > 1:
        raise InputError(f"{path}: the network gives numbers of classes; say which are foreground: --class person=15")
    return classes or [1]


def _chosen(classes: Sequence[int], count: int, path: Path) -> list[int]:
    """The channels that are foreground, of `count`: of two without a choice the second."""
    if not classes and count == 2:
        return [1]
    if not classes:
        raise InputError(
            f"{path}: the network tells {count} classes apart; say which are foreground: --class person=15"
        )
    if max(classes) >= count or len(set(classes)) == count:
        raise InputError(f"{path}: the network has classes 0 to {count - 1}; --class asks for {sorted(set(classes))}")
    return sorted(set(classes))


def _free_size(height: int, width: int, longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(height, width))
    return tuple(max(STEP, round(side * scale / STEP) * STEP) for side in (height, width))  # type: ignore[return-value]


def _line(error: Exception) -> str:
    """The first line of what a library says."""
    return next((line.strip()[:300] for line in str(error).splitlines() if line.strip()), type(error).__name__)
