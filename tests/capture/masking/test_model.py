"""Networks of all kinds give the same mask; files that are none, or do more, are refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dymap.capture.masking.model import Network, NetworkOptions, above, parse_classes
from dymap.capture.masking.onnx_file import read_network
from dymap.errors import InputError
from tests.capture.masking.networks import RED, UINT8, field, network, varint

pytest.importorskip("onnxruntime")
PLAIN = NetworkOptions(mean=(0, 0, 0), std=(1, 1, 1), longest=64)
CLASS_1 = NetworkOptions(mean=(0, 0, 0), std=(1, 1, 1), classes={"one": 1})


def picture() -> np.ndarray:
    """A red square on green."""
    image = np.full((64, 96, 3), (20, 200, 40), np.uint8)
    image[16:48, 32:64] = (220, 30, 40)
    return image


def made(path: Path, data: bytes, options: NetworkOptions = PLAIN) -> np.ndarray:
    (path / "net.onnx").write_bytes(data)
    return Network(path / "net.onnx", options).foreground(picture())


OTHERS = {
    "logits": (network(RED, [0.0]), PLAIN),
    "opacities": (network([[9.0, -9.0, 0.0]], [0.0], last="Sigmoid"), PLAIN),
    "opacities to 255": (network([[255.0, 0.0, 0.0]], [0.0]), PLAIN),
    "channels last": (network(RED, [0.0], (1, "h", "w", 3)), PLAIN),
    "fixed size": (network(RED, [0.0], (1, 3, 64, 96)), PLAIN),
    "bytes": (network(RED, [0.0], (1, "h", "w", 3), kind=UINT8), PLAIN),
    "two classes": (network([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], [0.0, 0.0]), PLAIN),
    "three classes": (network([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [0.0] * 3), CLASS_1),
    "classes last": (network([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], [0.0, 0.0], (1, "h", "w", 3)), PLAIN),
    "normalised": (network(RED, [0.0]), NetworkOptions(longest=64)),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_each_kind_of_network_finds_the_square(kind: str, tmp_path: Path) -> None:
    mask = made(tmp_path, *OTHERS[kind])
    truth = np.zeros((64, 96), bool)
    truth[16:48, 32:64] = True
    assert mask.shape == truth.shape
    assert ((mask > 0) != truth).mean() < 0.02


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (b"nothing of the kind", PLAIN, "not an ONNX file"),
        (network(RED, [0.0])[:-40], PLAIN, "not an ONNX file"),
        (network(RED, [0.0], external=True), PLAIN, "weights are in other files"),
        (network(RED, [0.0], opset=999), PLAIN, "older opset"),
        (network(RED, [0.0], inputs=("image", "r1i")), PLAIN, "takes 2 inputs"),
        (network(RED, [0.0], (1, 3, 99999, 96)), PLAIN, "more than 4096"),
        (network(RED, [0.0], (1, 5, "h", "w")), PLAIN, "expected a picture"),
        (network(RED * 5, [0.0] * 5), PLAIN, "--class person=15"),
        (network(RED * 5, [0.0] * 5), NetworkOptions(classes={"person": 15}), "classes 0 to 4"),
        (network([[1e38, 1e38, 1e38]], [3e38]), PLAIN, "not finite"),
        (network(RED, [0.0]), NetworkOptions(std=(1, 0, 1)), "--std"),
        (network(RED, [0.0]), NetworkOptions(longest=10**9), "--size"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(
    data: bytes, options: NetworkOptions, words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words) as error:
        made(tmp_path, data, options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("fed", [(128, 72), (72, 128), (96, 96), (99, 67)])
@pytest.mark.parametrize("count", [1, 2, 10, 17, 150, 1000])
def test_axes_are_told_by_the_shape_of_what_was_fed(fed: tuple[int, int], count: int, last: bool, first: bool) -> None:
    """However many classes, of an output of any size, portrait or landscape."""
    for scale in (1, 4, 7):
        height, width = (-(-side // scale) for side in fed)
        values = np.zeros((1, count, height, width), np.float32)
        values[0, -1, : height // 2] = 1
        given = np.moveaxis(values, 1, -1) if last else values
        score = above(given, fed, first, [count - 1] if count > 1 else [], Path("net.onnx"))
        assert ((score > 0) == (values[0, -1] > 0.5)).all()


@pytest.mark.parametrize("first", [True, False])
def test_axes_that_either_order_fits_are_in_the_order_of_the_input(first: bool) -> None:
    values = np.zeros((1, 24, 24, 24), np.float32)
    values[:, 5] = 1
    score = above(values if first else np.moveaxis(values, 1, -1), (96, 96), first, [5], Path("net.onnx"))
    assert (score > 0).all()


@pytest.mark.parametrize(
    "shape", [(1, 84, 8400), (1, 1000), (1, 9, 1, 1), (1, 2, 24, 24), (1, 0, 24, 48), (1, 3000, 24, 48), (7,)]
)
def test_arrays_of_another_shape_than_the_picture_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"net\.onnx: the network gives an array of shape .* 96 rows and 192 columns"):
        above(np.zeros(shape, np.float32), (96, 192), True, [1], Path("net.onnx"))


def test_many_classes_at_a_quarter_of_a_portrait_picture(tmp_path: Path) -> None:
    """A network that strides: 40 classes, 32 x 16 values of 128 x 64 pixels, with the classes before them or behind."""
    weights = [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]] + [[0.0, 0.0, 0.1]] * 38
    tall = np.ascontiguousarray(np.rot90(cv2.resize(picture(), (128, 64), interpolation=cv2.INTER_NEAREST)))
    for size in ((1, 3, 128, 64), (1, 128, 64, 3)):
        (tmp_path / "net.onnx").write_bytes(network(weights, [0.0] * 40, size, stride=4))
        mask = Network(tmp_path / "net.onnx", CLASS_1).foreground(tall)
        assert ((mask > 0) != (tall[..., 0] > 128)).mean() < 0.04


def test_a_missing_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"dymap\[masks\]"):
        made(tmp_path, network(RED, [0.0]))


EXTERNAL = field(13, field(1, "location") + field(2, "/etc/passwd"))
LOCATED = {
    "external data": EXTERNAL,
    "location": field(14, 1),
    "location cut to 32 bits": field(14, 2**32 + 1),
    "location with a tag that is cut to 32 bits": varint((14 << 3) + 2**32) + varint(1),
    "data with a tag that is cut to 32 bits": varint((13 << 3 | 2) + 2**32) + varint(2) + b"\x0a\x00",
}


@pytest.mark.parametrize("located", LOCATED)
@pytest.mark.parametrize(
    "way",
    [
        (7, 5), (7, 15, 1), (7, 15, 2), (7, 1, 5, 5), (7, 1, 5, 10), (7, 1, 5, 6, 5), (7, 1, 5, 11, 5),
        (7, 1, 5, 22, 1), (7, 1, 5, 23, 2), (25, 7, 5, 5), (25, 11, 5), (25, 11, 6, 5), (25, 11, 10),
        (20, 1, 5), (20, 2, 1, 5, 5),
    ],
)  # fmt: skip
def test_weights_in_other_files_are_found_wherever_a_tensor_may_be(
    way: tuple[int, ...], located: str, tmp_path: Path
) -> None:
    """Fields of onnx.proto3 from the model to the tensor; a library sees what it cuts a number to."""
    message = LOCATED[located]
    for number in reversed(way):
        message = field(number, message)
    (tmp_path / "net.onnx").write_bytes(network(RED, [0.0]) + message)
    with pytest.raises(InputError, match=r"weights are in other files|not an ONNX file"):
        read_network(tmp_path / "net.onnx")


def test_files_of_another_kind_that_pass_for_a_network_are_not_loaded(tmp_path: Path) -> None:
    """onnxruntime has a format of its own, which it knows by the fifth byte on: nobody looked it through."""
    data = field(1, 8) + field(2, "ORTM") + network(RED, [0.0])
    assert data[4:8] == b"ORTM"
    (tmp_path / "net.onnx").write_bytes(data)
    assert Network(tmp_path / "net.onnx", PLAIN).foreground(picture()).any(), "read as ONNX, with a name for its maker"


def test_classes_are_names_and_numbers() -> None:
    assert parse_classes(["person=15", "chair=9"]) == {"person": 15, "chair": 9}
    for word in ("person", "=3", "person=x", "person=-1"):
        with pytest.raises(InputError, match="--class"):
            parse_classes([word])
