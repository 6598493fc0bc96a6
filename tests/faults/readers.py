"""Everything of dymap that reads a file, each with a sound one and the damages that it is tried with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dymap.capture import open_capture, read_source
from dymap.capture.decode import read_image
from dymap.capture.masks import read_mask
from dymap.capture.readers.image_files import read_vertices
from dymap.capture.readers.nhr import read_grey
from dymap.capture.readers.zjumocap import read_palette
from dymap.config import CaptureConfig, Config, from_json
from dymap.evaluate.lpips_files import read_tensors
from dymap.field.field import Field
from dymap.play.camera_file import read_cameras
from dymap.play.video import load
from dymap.runs import bake, info
from dymap.runs.folder import RunFolder
from dymap.runs.importing import read_boxes
from dymap.train.checkpoint import read_checkpoint
from dymap.train.optimiser import make_optimiser
from dymap.video.released import read_released
from tests.captures import TINY
from tests.faults import mutations as damage
from tests.faults.mutations import BYTES, Mutation

SMALL = (16, 16)
"""Pixels of the images that are rendered of what was read."""


@dataclass(frozen=True)
class Reader:
    """A reader of one kind of file.

    file: where the sound one is in the folder of all (a pattern: there is one). read: everything that dymap does with
    it when it reads it, and a digest of what came out. kinds: damages. sealed: what differs must be noticed, unless
    the damage is a forgery. folder: other files beside it are made new when it is damaged, and put back.
    """

    file: str
    read: Callable[[Path], str]
    kinds: tuple[Mutation, ...] = BYTES
    sealed: bool = False
    folder: bool = False


def digest(*parts: Any) -> str:
    """Of arrays and whatever has a repr."""
    sums = hashlib.sha256()
    for part in parts:
        if isinstance(part, torch.Tensor):
            part = part.detach().cpu().numpy()
        sums.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return sums.hexdigest()


def of_image(read: Callable[[Path], Any], name: str) -> Callable[[Path], str]:
    return lambda folder: digest(read(folder / name))


def annotations(folder: Path) -> str:
    """The whole capture is opened with them."""
    capture = open_capture(folder / "tiny", TINY)
    return digest(capture.frames, *(part for c in capture.cameras for part in (c.K, c.R, c.T, c.width, c.height)))


def shots(folder: Path) -> str:
    """All prepared images, out of the cache or made anew."""
    capture = open_capture(folder / "tiny", TINY)
    places = [(frame, view) for frame in range(len(capture.frames)) for view in range(len(capture.cameras))]
    return digest(*(part for place in places for part in capture.image(*place)))


def configuration(folder: Path) -> str:
    """The run is looked at, and baked."""
    rows = info(folder / "run")
    bake(folder / "run", folder / "baked.dymap")
    return digest(rows)


def checkpoint(folder: Path) -> str:
    config, boxes = run_config(folder)
    field = Field(config.field, torch.zeros(boxes))
    (path,) = (folder / "run" / "checkpoints").glob("*4.safetensors")
    found = read_checkpoint(path)
    optimiser = make_optimiser(field, config)
    found.check_boxes(known_boxes(folder))
    step = found.restore(field, optimiser)
    moments = [value for state in optimiser.state_dict()["state"].values() for value in state.values()]
    return digest(step, *field.state_dict().values(), *moments)


@cache
def run_config(folder: Path) -> tuple[Config, tuple[int, ...]]:
    """The run's configuration and the shape of its boxes."""
    return RunFolder(folder / "run").read().config, tuple(known_boxes(folder).shape)


@cache
def known_boxes(folder: Path) -> torch.Tensor:
    return load(folder / "sound.dymap").boxes


def baked(folder: Path, name: str = "video.dymap") -> str:
    """The clip is opened, and seen from a camera of its own and from an orbit."""
    video = load(folder / name)
    try:
        orbit = video.orbit(2, *SMALL) if len(video.cameras) > 2 else []
        for camera in [*(camera.fitted(*SMALL) for camera in video.cameras[:1]), *orbit[:1]]:
            video.render(camera)
    finally:
        video.close()
    about = video.baked
    cameras = [part for c in about.cameras for part in (c.K, c.R, c.T, c.width, c.height, c.name)]
    rest = (about.render, about.bake, about.fps, about.frames, about.train_views, about.test_views, about.name)
    return digest(rest, about.path_views, about.transform, about.viewer_box, about.occupancy, *cameras,
                  *about.field.state_dict().values())  # fmt: skip


def packed(folder: Path) -> str:
    """The same of a file of version 2, whose header is looked at first."""
    return digest(info(folder / "packed.dymap"), baked(folder, "packed.dymap"))


def evaluated(folder: Path) -> str:
    return digest(info(folder / "run"))


def released(name: str) -> Callable[[Path], str]:
    def read(folder: Path) -> str:
        config = from_json(Config, json.loads((folder / "released.json").read_text()), "test")
        found = read_released(folder / name, config, 5)
        grids = [] if found.occupancy is None else [found.occupancy]
        return digest(found.step, found.epoch, *found.parameters.values(), *grids)

    return read


WEIGHTS = {"features.0.weight": (8, 3, 3, 3), "features.0.bias": (8,)}


def lpips(name: str) -> Callable[[Path], str]:
    return lambda folder: digest(*read_tensors(folder / name, WEIGHTS, 2**20).values())


def cameras(name: str) -> Callable[[Path], str]:
    """The path is read, and a clip is seen from its first camera."""

    def read(folder: Path) -> str:
        video = playing(folder)
        placed = read_cameras(folder / name, (32, 32), video.num_frames)
        camera, frame = placed[0]
        video.render(camera.fitted(*SMALL), frame or 0)
        return digest(*(part for c, frame in placed for part in (c.K, c.R, c.T, c.width, c.height, c.name, frame)))

    return read


@cache
def playing(folder: Path) -> Any:
    return load(folder / "sound.dymap")


def layout(name: str) -> Callable[[Path], str]:
    """A capture is listed, and its first picture and mask are read."""

    def read(folder: Path) -> str:
        source = read_source(folder / "layouts" / name, CaptureConfig(layout=LAYOUTS.get(name, name)))
        cameras = [part for c in source.cameras for part in (c.K, c.R, c.T, c.D, c.lens, c.width, c.height, c.name)]
        first = source.read(0, source.views(0)[0])
        return digest(source.frames, source.test_views, source.boxes, *cameras, *first)

    return read


LAYOUTS = {"binary": "colmap", "qualisys": "calibrated"}
"""Folders of layouts that are there twice."""

JSON = (*(damage.json_text,) * 10, *BYTES)
SAFETENSORS = (*BYTES, *(damage.safetensors_head,) * 4, *(damage.safetensors_unsealed,) * 12, damage.unsealed_tensors)
PACKED = (*BYTES, *(damage.packed_mended,) * 20)
ARCHIVE = (*BYTES, *(damage.zip_mended,) * 10)

READERS: dict[str, Reader] = {
    "annots.npy": Reader("tiny/annots.npy", annotations),
    "JPEG": Reader("image.jpg", of_image(read_image, "image.jpg")),
    "PNG": Reader("image.png", of_image(read_image, "image.png"), (*BYTES, *(damage.png_mended,) * 10)),
    "mask in colours": Reader("image.png", of_image(read_palette, "image.png"), (*BYTES, damage.png_mended)),
    "grey mask": Reader("grey.png", of_image(read_grey, "grey.png"), (*BYTES, damage.png_mended)),
    "mask of labels": Reader("grey.png", of_image(read_mask, "grey.png"), (*BYTES, damage.png_mended)),
    "vertices": Reader("tiny/vertices/1.npy", of_image(read_vertices, "tiny/vertices/1.npy")),
    "boxes.npy": Reader("boxes.npy", of_image(read_boxes, "boxes.npy")),
    "prepared images": Reader("cache/tiny-*/shots.u8", shots, sealed=True, folder=True),
    "index of the cache": Reader("cache/tiny-*/index.npz", shots, ARCHIVE, sealed=True, folder=True),
    "state of the cache": Reader("cache/tiny-*/state.json", shots, JSON, sealed=True, folder=True),
    "config.json": Reader("run/config.json", configuration, JSON),
    "checkpoint": Reader("run/checkpoints/*4.safetensors", checkpoint, SAFETENSORS, sealed=True),
    "baked file": Reader("video.dymap", baked, SAFETENSORS, sealed=True),
    "packed file": Reader("packed.dymap", packed, PACKED, sealed=True),
    "metrics.json": Reader("run/evaluation/metrics.json", evaluated, JSON),
    "released latest.pth": Reader("latest.pth", released("latest.pth"), ARCHIVE, sealed=True),
    "released final.pth": Reader("final.pth", released("final.pth"), ARCHIVE, sealed=True),
    "LPIPS trunk": Reader("trunk.pth", lpips("trunk.pth"), ARCHIVE, sealed=True),
    "LPIPS heads": Reader("heads.pth", lpips("heads.pth")),  # published without checksums
    "saved path": Reader("path.json", cameras("path.json"), JSON),
    "transforms.json": Reader("transforms.json", cameras("transforms.json"), JSON),
    "camera_path": Reader("camera_path.json", cameras("camera_path.json"), JSON),
    "transforms.json of a capture": Reader("layouts/transforms/transforms.json", layout("transforms"), JSON),
    "COLMAP, cameras.txt": Reader("layouts/colmap/sparse/0/cameras.txt", layout("colmap")),
    "COLMAP, images.txt": Reader("layouts/colmap/sparse/0/images.txt", layout("colmap")),
    "COLMAP, cameras.bin": Reader("layouts/binary/sparse/0/cameras.bin", layout("binary")),
    "COLMAP, images.bin": Reader("layouts/binary/sparse/0/images.bin", layout("binary")),
    "Panoptic, train_meta.json": Reader("layouts/panoptic/train_meta.json", layout("panoptic"), JSON),
    "Neural 3D Video, poses_bounds.npy": Reader("layouts/neural3d/poses_bounds.npy", layout("neural3d")),
    "Neural 3D Video, a video": Reader("layouts/neural3d/00.mkv", layout("neural3d")),
    "ActorsHQ, calibration.csv": Reader("layouts/actorshq/2x/calibration.csv", layout("actorshq")),
    "DNA-Rendering, main": Reader("layouts/dna/0012_11.smc", layout("dna")),
    "DNA-Rendering, annotations": Reader("layouts/dna/0012_11_annots.smc", layout("dna")),
    "EasyMocap, intri.yml": Reader("layouts/easymocap/intri.yml", layout("easymocap")),
    "EasyMocap, extri.yml": Reader("layouts/easymocap/extri.yml", layout("easymocap")),
    "SelfCap, sync.json": Reader("layouts/selfcap/sync.json", layout("selfcap"), JSON),
    "Qualisys, Calib.qca.txt": Reader("layouts/qualisys/Calib.qca.txt", layout("qualisys")),
    "Caliscope, config.toml": Reader("layouts/calibrated/calibration/config.toml", layout("calibrated")),
}


def drawn(reader: Reader, data: bytes, random: Any) -> tuple[Mutation, bytes]:
    """A damage and what it makes of a file; never the same bytes."""
    for _ in attempts():
        kind = random.choice(reader.kinds)
        if (changed := kind(data, random)) != data:
            return kind, changed
    raise AssertionError("nothing changes this file")


def attempts() -> Iterator[int]:
    return iter(range(1000))
