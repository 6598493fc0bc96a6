"""Drawing a film: image by image, its layers as bytes, and the files that each image has of its own.

image of the film -> rendered once -> distances and EXR pictures, numbered -> the layers, to whoever takes them
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dymap.config import Backdrop, Layer, RendererName
from dymap.files import replacing
from dymap.geometry.camera import Camera
from dymap.play.exr import EXR, write_exr
from dymap.play.layers import acc_layer, colour_layer, depth_layer, diff_layer, seen_depth
from dymap.play.video import Video
from dymap.render.image import Image

PICTURE = ".png"
"""The suffix of a film of one image."""


class FilmImage(NamedTuple):
    """One image of a film. frame: position in the clip; view: index of the capture's camera that this one is."""

    camera: Camera
    frame: int
    view: int | None = None


Film = list[FilmImage]

GroundTruth = Callable[[int, int], NDArray[np.uint8]]
"""(frame position, view) -> the picture [H, W, 3] that the capture's camera filmed, as training saw it."""


Pictures = dict[Layer, NDArray[np.uint8]]
"""An image's layers."""
Take = Callable[[Pictures], None]
"""Takes the images of a film, in order."""


@dataclass(frozen=True)
class Drawing:
    """A film, or a part of one, and what is drawn of it.

    limits: metres, from near to far, of the layer depth. path, png, exr: see `write_film`. first: number of the first
    image in the whole film.
    """

    film: Film
    layers: tuple[Layer, ...]
    limits: tuple[float, float]
    background: Backdrop
    renderer: RendererName
    path: Path | None
    png: Path | None
    exr: Path | None
    first: int = 0


Draw = Callable[[Drawing, Take], None]
"""Draws a film, and gives each image to who takes it."""


def draw_here(video: Video, truth: GroundTruth | None, drawing: Drawing, take: Take) -> None:
    """Draw a film in this process. truth: what was filmed, for the layer diff."""
    film = drawing.film
    for index, step in enumerate(film):
        if index + 1 < len(film):
            video.prefetch(film[index + 1].frame, drawing.renderer)
        image = video.render(step.camera, step.frame, renderer=drawing.renderer, background="transparent")
        number = drawing.first + index
        if "depth" in drawing.layers:
            for file in depth_files(drawing.path, drawing.png, number):
                write_array(file, seen_depth(image).float().cpu().numpy())
        for file in exr_files(drawing.path, drawing.exr, number):
            write_exr(file, image)
        take({layer: _layer_bytes(layer, image, step, drawing, truth) for layer in drawing.layers})


def layer_file(path: Path, layer: Layer) -> Path:
    """The file of a layer of a film that is called `path`: `orbit.mp4`, `orbit_depth.mp4`."""
    return path if layer == "rgb" else path.with_name(f"{path.stem}_{layer}{path.suffix}")


def depth_files(path: Path | None, png: Path | None, index: int) -> list[Path]:
    """Where the distances of a film's image are written: beside its pictures of the layer depth."""
    files = [] if png is None else [png / "depth" / f"{index:06d}.npy"]
    if path is not None and path.suffix.lower() == PICTURE:
        files.append(layer_file(path, "depth").with_suffix(".npy"))
    return files


def exr_files(path: Path | None, folder: Path | None, index: int) -> list[Path]:
    """Where a film's image is written as EXR: its picture, if it is one, and a numbered one in the folder."""
    files = [] if folder is None else [folder / f"{index:06d}{EXR}"]
    return files if path is None or path.suffix.lower() != EXR else [path, *files]


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an .npy file, beside and renamed. Raises InputError if the disk refuses."""
    with replacing(path) as beside, beside.open("wb") as file:
        np.save(file, array)


def _layer_bytes(
    layer: Layer, image: Image, step: FilmImage, drawing: Drawing, truth: GroundTruth | None
) -> NDArray[np.uint8]:
    """One layer of a rendered step."""
    if layer == "depth":
        return depth_layer(image, *drawing.limits)
    if layer == "acc":
        return acc_layer(image)
    if layer == "diff":
        assert truth is not None  # as was checked before the first image
        assert step.view is not None
        return diff_layer(image, truth(step.frame, step.view))
    return colour_layer(image, drawing.background)
