"""One transforms.json of all frames, as nerfstudio, instant-ngp and our own reader read it.

    OUT/
      transforms.json
      images/CAMERA/000012.jpg    as they were if every program reads them, else .png
      masks/CAMERA/000012.png     255 foreground, 0 background; for pictures that have one

Poses are camera to world with x right, y up, z backwards, in metres; cx and cy are measured from the picture's corner
(0.5 more than ours). `time` runs from 0, the first frame, to 1, the last. Cameras that are kept for evaluation are
listed in `val_filenames` and `test_filenames`.

Programs read one kind of lens in a file: OpenCV's with k1 k2 p1 p2 k3, or the fisheye if all cameras have it. Pictures
of other lenses, and of lenses with a skew, become those of ideal ones. `frame_number` is the frame's number in the
capture, which other programs pass over.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dymap.capture.calibrations.transforms import NUMBER
from dymap.capture.source import Source
from dymap.capture.writers.pictures import folder_names, write_mask, write_picture
from dymap.files import check_new_folder, replacing_folder, write_json
from dymap.geometry.camera import Camera
from dymap.progress import Progress


def write_transforms(source: Source, out: Path, progress: Progress | None = None) -> None:
    """Write a capture to a new folder, which appears when it is whole. Raises InputError, also for what cannot be read.

    progress: takes how many pictures are done, of how many. Faces in masks become foreground; points and boxes of the
    capture have no place in this layout.
    """
    check_new_folder(out)
    fisheye, ideals = _are_fisheye(source), ideal_cameras(source)
    folders = folder_names([camera.name for camera in source.cameras])
    places = [(frame, view) for frame in range(len(source.frames)) for view in source.views(frame)]
    entries = []
    with replacing_folder(out, "the capture", overwrite=False) as folder:
        for done, (frame, view) in enumerate(places):
            camera, name = source.cameras[view], f"{folders[view]}/{source.frames[frame]:06d}"
            ideal = ideals[view]
            picture = write_picture(source, frame, view, folder / "images" / name, ideal)
            entry = {"file_path": picture.relative_to(folder).as_posix()}
            if write_mask(source, frame, view, folder / f"masks/{name}.png", ideal):
                entry["mask_path"] = f"masks/{name}.png"
            time = {"time": frame / max(len(source.frames) - 1, 1), NUMBER: source.frames[frame]}
            entries.append(entry | time | {"camera_label": camera.name} | camera_entry(ideal or camera))
            if progress:
                progress(done + 1, len(places))
        model = "OPENCV_FISHEYE" if fisheye else "OPENCV"
        write_json(folder / "transforms.json", {"camera_model": model, **_splits(source, places, entries)})


def camera_entry(camera: Camera) -> dict[str, Any]:
    """What an entry of `frames` says of a camera, whose lens is one that `_is_known`."""
    K, to_world = camera.K, np.eye(4)
    to_world[:3, :3], to_world[:3, 3] = camera.R.T * (1, -1, -1), camera.position
    names = ("k1", "k2", "k3", "k4") if camera.lens == "fisheye" else ("k1", "k2", "p1", "p2", "k3")
    return {
        "w": camera.width,
        "h": camera.height,
        "fl_x": K[0, 0],
        "fl_y": K[1, 1],
        "cx": K[0, 2] + 0.5 - camera.pixel_offset,
        "cy": K[1, 2] + 0.5 - camera.pixel_offset,
        **dict(zip(names, camera.D.tolist(), strict=False)),
        "transform_matrix": to_world.tolist(),
    }


def ideal_cameras(source: Source) -> list[Camera | None]:
    """[V] the camera of the pictures that are written, if the file cannot say what lens filmed them; else None."""
    fisheye = _are_fisheye(source)
    return [None if _is_known(camera, fisheye) else _ideal(camera) for camera in source.cameras]


def _are_fisheye(source: Source) -> bool:
    """Whether all cameras have fisheye lenses that the file can speak of."""
    return all(camera.lens == "fisheye" and camera.K[0, 1] == 0 for camera in source.cameras)


def _ideal(camera: Camera) -> Camera:
    K = camera.K.copy()
    K[0, 1] = 0
    return replace(camera.undistorted(), K=K)


def _is_known(camera: Camera, fisheye: bool) -> bool:
    """Whether the file can say what lens it is. fisheye: it is of such lenses."""
    if camera.lens == "fisheye":
        return fisheye
    return camera.K[0, 1] == 0 and not camera.D[5:].any()


def _splits(source: Source, places: list[tuple[int, int]], entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The entries, and which of their pictures are kept for evaluation if there are any."""
    if not source.test_views:
        return {"frames": entries}
    held_out = set(source.test_views)
    names = {
        kept: [e["file_path"] for (_, v), e in zip(places, entries, strict=True) if (v in held_out) == kept]
        for kept in (False, True)
    }
    return {
        "train_filenames": names[False],
        "val_filenames": names[True],
        "test_filenames": names[True],
        "frames": entries,
    }
