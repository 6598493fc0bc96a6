"""LPIPS against the same distance written once more in numpy, on random weights and on the trained ones."""

from __future__ import annotations

import math
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dymap.evaluate.lpips import LPIPS
from tests.evaluate.weights import CONVOLUTIONS, Trained, random_weights, save_standard, trained

Values = NDArray[np.float64]
each_net = pytest.mark.parametrize("net", ["vgg", "alex"])


def windows(x: Values, size: int, stride: int) -> Values:
    """[H, W, C] -> [h, w, C, size, size]."""
    return sliding_window_view(x, (size, size), axis=(0, 1))[::stride, ::stride]


def convolution(x: Values, kernel: NDArray, bias: NDArray, stride: int, padding: int) -> Values:
    padded = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    product = np.tensordot(windows(padded, kernel.shape[0], stride), kernel, axes=((3, 4, 2), (0, 1, 2)))
    return np.asarray(np.maximum(product + bias, 0))


def slow_stages(net: str, x: Values, kernels: list[NDArray], biases: list[NDArray]) -> list[Values]:
    """Rectified features at the end of each stage of an image [H, W, 3] in [-1, 1]."""
    x = (x - [-0.030, -0.088, -0.188]) / [0.458, 0.448, 0.450]
    stages = []
    for number, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        if net == "vgg":
            if number in (2, 4, 7, 10):
                x = windows(x, 2, 2).max(axis=(3, 4))
            x = convolution(x, kernel, bias, 1, 1)
            if number in (1, 3, 6, 9, 12):
                stages.append(x)
        else:
            if number in (1, 2):
                x = windows(x, 3, 2).max(axis=(3, 4))
            x = convolution(x, kernel, bias, 4 if number == 0 else 1, (2, 2, 1, 1, 1)[number])
            stages.append(x)
    return stages


def slow_distance(net: str, a: NDArray, b: NDArray, weights: Trained) -> float:
    """Of images [H, W, 3] in [0, 1]."""
    kernels, biases, heads = weights
    stages = [slow_stages(net, image.astype(np.float64) * 2 - 1, list(kernels), list(biases)) for image in (a, b)]
    total = 0.0
    for one, other, head in zip(*stages, heads, strict=True):
        units = [f / (np.sqrt((f**2).sum(axis=-1, keepdims=True)) + 1e-10) for f in (one, other)]
        total += float((((units[0] - units[1]) ** 2) * head).sum(axis=-1).mean())
    return total


def weights_of(network: LPIPS, net: str) -> Trained:
    layers = [network.features[index] for index in CONVOLUTIONS[net]]
    kernels = [layer.weight.permute(2, 3, 1, 0).numpy() for layer in layers]  # type: ignore[operator]
    return kernels, [layer.bias.numpy() for layer in layers], [head.numpy() for head in network.heads]  # type: ignore[operator]


def pictures(height: int, width: int, seed: int = 0) -> list[NDArray[np.float32]]:
    """Waves of colour; the same, blurred; the same, noisy; another scene."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    scenes = []
    for _ in range(2):
        rates, phases = rng.uniform(0.05, 0.9, (3, 2)), rng.uniform(0, 6, 3)
        waves = [np.sin(x * u + y * v + p) for (u, v), p in zip(rates, phases, strict=True)]
        scenes.append((0.5 + 0.5 * np.stack(waves, axis=-1)).astype(np.float32))
    blurred = np.asarray(cv2.GaussianBlur(scenes[0], (0, 0), 2), np.float32)
    noisy = np.clip(scenes[0] + rng.normal(0, 0.1, scenes[0].shape), 0, 1).astype(np.float32)
    return [scenes[0], blurred, noisy, scenes[1]]


@each_net
@pytest.mark.parametrize(("height", "width"), [(33, 47), (64, 40)])
def test_distance_is_its_formula(net: str, height: int, width: int) -> None:
    network = random_weights(net)
    weights = weights_of(network, net)
    truth, *others = pictures(height, width)
    for other in others:
        expected = slow_distance(net, other, truth, weights)
        assert expected > 0
        assert network.distance(other, truth) == pytest.approx(expected, rel=1e-3)


@each_net
def test_distance_is_symmetric_and_zero_for_equal_images(net: str) -> None:
    network = random_weights(net)
    truth, _, other, _ = pictures(40, 35)
    assert network.distance(truth, truth) == 0
    assert network.distance(truth, other) == pytest.approx(network.distance(other, truth), rel=1e-5)
    assert network.distance(truth, other) > 0


@each_net
def test_batches_are_image_by_image(net: str) -> None:
    network = random_weights(net)
    images = torch.from_numpy(np.stack(pictures(40, 35))).permute(0, 3, 1, 2) * 2 - 1
    together = network(images[:3], images[1:])
    alone = torch.cat([network(images[i : i + 1], images[i + 1 : i + 2]) for i in range(3)])
    torch.testing.assert_close(together, alone)
    with pytest.raises(ValueError, match="cannot be compared"):
        network(images[:1], images)


@each_net
def test_gradient_flows_to_the_images_alone(net: str) -> None:
    network = random_weights(net).double()
    a, b = (torch.from_numpy(p).permute(2, 0, 1)[None].double() * 2 - 1 for p in pictures(33, 33)[:2])
    a.requires_grad_(True)
    network(a, b).sum().backward()
    assert a.grad is not None
    assert all(parameter.grad is None for parameter in network.parameters())
    step = torch.zeros_like(a)
    step[0, 1, 17, 11] = 1e-5
    with torch.no_grad():
        slope = (network(a + step, b) - network(a - step, b)).item() / 2e-5
    assert slope == pytest.approx(a.grad[0, 1, 17, 11].item(), rel=1e-3)


def test_gradient_is_finite_where_no_feature_answers() -> None:
    network = LPIPS("alex")
    for index in CONVOLUTIONS["alex"]:
        network.features[index].bias.fill_(-100)  # type: ignore[operator, union-attr]
    image = torch.zeros(1, 3, 32, 32, requires_grad=True)
    network(image, torch.ones(1, 3, 32, 32)).sum().backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()


@pytest.mark.parametrize(("net", "smallest"), [("vgg", 16), ("alex", 31)])
def test_small_images_have_no_distance(net: str, smallest: int) -> None:
    network = random_weights(net)
    image = np.full((smallest, 50, 3), 0.3, np.float32)
    assert network.distance(image, image) == 0
    assert math.isnan(network.distance(image[:-1], image[:-1]))
    assert math.isnan(network.distance(image[:, : smallest - 1], image[:, : smallest - 1]))
    assert math.isnan(network.distance(image[:0, :0], image[:0, :0]))
    with pytest.raises((RuntimeError, ValueError)):
        list(network.stages(torch.zeros(1, 3, smallest - 1, 50)))


def test_unknown_net() -> None:
    with pytest.raises(ValueError, match="'squeeze' is unknown"):
        LPIPS("squeeze")


def load_trained(net: str, folder: Path) -> tuple[LPIPS, Trained]:
    """The trained weights, brought into the standard files and read from there."""
    kernels, biases, heads = trained(net, folder)
    save_standard(
        folder,
        net,
        [torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()) for kernel in kernels],
        [torch.from_numpy(bias) for bias in biases],
        [torch.from_numpy(head) for head in heads],
    )
    return LPIPS.load(folder, net), (kernels, biases, heads)


@each_net
def test_trained_weights_through_the_standard_files(net: str, tmp_path: Path) -> None:
    network, weights = load_trained(net, tmp_path)
    truth, *others = pictures(96, 75)
    found = [network.distance(other, truth) for other in others]
    expected = [slow_distance(net, other, truth, weights) for other in others]
    print(net, [f"{a:.6f} {b:.6f}" for a, b in zip(found, expected, strict=True)])
    assert found == pytest.approx(expected, rel=1e-4)
    assert all(0.02 < value < 1.5 for value in found)


def test_published_distances(tmp_path: Path) -> None:
    """What the lpips package's own example prints for its own images, AlexNet v0.1."""
    folder = os.environ.get("DYMAP_LPIPS_EXAMPLES")
    if not folder:
        pytest.skip("DYMAP_LPIPS_EXAMPLES does not name a folder with ex_ref.png, ex_p0.png and ex_p1.png")
    network, _ = load_trained("alex", tmp_path)
    images = []
    for name in ("ex_ref.png", "ex_p0.png", "ex_p1.png"):
        image = cv2.imread(str(Path(folder) / name))
        assert image is not None, name
        images.append(image[..., ::-1].astype(np.float32) / np.float32(255))
    assert network.distance(images[0], images[1]) == pytest.approx(0.722, abs=6e-4)
    assert network.distance(images[0], images[2]) == pytest.approx(0.138, abs=6e-4)
