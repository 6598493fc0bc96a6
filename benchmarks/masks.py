"""How good the masks of each method are: intersection over union with the true ones, as the table in docs/masks.md.

    python -m benchmarks.masks [KNIGHT]

The built-in sample with camera noise, JPEG and light that changed since the plate was taken; and a folder of another
capture with true masks (ZJU-MoCap layout), whose plate is what its frames show of the background. No threshold was
chosen on these cameras and frames: that was done on cameras 0 and 5 of the sample at 384 pixels, and on camera 0.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture import Source, read_source
from dymap.capture.masking import background, chroma, hull
from dymap.capture.masking.median import median_of
from dymap.config import CaptureConfig
from dymap.geometry.camera import Camera
from dymap.sample import sample_cameras
from dymap.sample.render import draw, encode, make_scene
from dymap.sample.studio import backdrop

Bytes = NDArray[np.uint8]

SIZE, VIEWS, PHASES = 512, (3, 7, 10, 14), (0.2, 0.45, 0.8)
OTHER_VIEWS, OTHER_FRAMES, STEP = (4, 7, 11, 14), (8, 15, 27), 2
SCREEN = (50, 170, 70)
LIGHT = (0.95, 1.0, 1.04)
"""Of the pictures against the plate."""


def main(other: Path | None) -> None:
    """Print the table."""
    print("| method | pictures | IoU, mean | worst | missed | too much |\n|---|---|---|---|---|---|")
    sample()
    if other is not None:
        knight(read_source(other, CaptureConfig()))


def sample() -> None:
    """Clean plates, a screen, and the other cameras, on the dancer."""
    cameras = sample_cameras(16, SIZE)
    scenes = [make_scene(phase) for phase in PHASES]
    by_plate, by_screen, truths = [], [], []
    for view in VIEWS:
        studio = backdrop(cameras[view])
        empty = background.background_of([filmed(encode(studio.colour), 99)])
        for seed, scene in enumerate(scenes):
            picture, labels = draw(scene, cameras[view], studio)
            truths.append(labels > 0)
            by_plate.append(background.foreground(filmed(picture * np.array(LIGHT), seed), empty))
            screened = filmed(on_a_screen(picture, labels), seed)
            by_screen.append(chroma.foreground(screened, chroma.find_key([screened])))
    line("clean-plate", "sample", by_plate, truths)
    line("chroma", "sample on a green screen, with spill", by_screen, truths)
    masks = [draw(scenes[1], camera, backdrop(camera))[1] > 0 for camera in cameras[::2]]
    damaged_and_cleaned("sample, 8 cameras", cameras[::2], masks)


def knight(source: Source) -> None:
    """Plates of what frames show of the background, the median, and the other cameras."""
    by_plate, by_median, truths, told = [], [], [], set()
    for view in OTHER_VIEWS:
        frames = range(0, len(source.frames), STEP)
        pictures, masks = zip(*((source.picture(f, view), true(source, f, view)) for f in frames), strict=True)
        empty, median = background.background_of([visible(pictures, masks)]), median_of(pictures)
        told.add(median.told)
        for frame in OTHER_FRAMES:
            picture = source.picture(frame, view)
            truths.append(true(source, frame, view))
            by_plate.append(background.foreground(picture, empty))
            by_median.append(background.foreground(picture, median.background))
    line("clean-plate", "knight", by_plate, truths)
    line("median", f"knight, who stays in place; says: {', '.join(filter(None, told)) or 'nothing'}", by_median, truths)
    masks_of = [true(source, OTHER_FRAMES[0], view) for view in range(len(source.cameras))]
    damaged_and_cleaned("knight, 16 cameras", list(source.cameras), masks_of)


def damaged_and_cleaned(name: str, cameras: list[Camera], masks: list[NDArray[np.bool_]]) -> None:
    """Masks with four blobs beside and two holes inside each, before and after `hull`."""
    random = np.random.default_rng(0)
    damaged = {view: damage(mask, random) for view, mask in enumerate(masks)}
    cleaned = hull.clean(cameras, damaged)
    line("(damaged masks)", name, list(damaged.values()), masks)
    line("hull", name, [cleaned[view] for view in range(len(masks))], masks)


def damage(mask: NDArray[np.bool_], random: np.random.Generator) -> Bytes:
    out, side = mask.astype(np.uint8), mask.shape[0]
    for _ in range(4):
        x, y = (int(value) for value in random.integers(0, side, 2))
        cv2.circle(out, (x, y), int(random.integers(side // 60, side // 20)), 1, -1)
    inside = np.argwhere(cv2.erode(mask.astype(np.uint8), np.ones((side // 30, side // 30))))
    for row, column in inside[random.integers(len(inside), size=2)]:
        cv2.circle(out, (int(column), int(row)), side // 70, 0, -1)
    return out


def filmed(picture: NDArray[np.floating] | Bytes, seed: int) -> Bytes:
    """With the noise of a camera, as JPEG."""
    noise = np.random.default_rng(seed).normal(0, 2, picture.shape)
    noisy = np.clip(picture + noise, 0, 255).astype(np.uint8)
    data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def on_a_screen(picture: Bytes, labels: Bytes) -> NDArray[np.floating]:
    """The dancer before an unevenly lit screen, a tenth of whose light falls on her."""
    cover = cv2.GaussianBlur((labels > 0).astype(np.float32), (0, 0), 0.6)[..., None]
    screen = np.array(SCREEN) * np.linspace(0.7, 1.05, picture.shape[0])[:, None, None]
    return cover * (0.9 * picture + 0.1 * np.array(SCREEN)) + (1 - cover) * screen


def visible(pictures: tuple[Bytes, ...], masks: tuple[NDArray[np.bool_], ...]) -> Bytes:
    """The mean of what pictures show of the background; what they never show is filled from around it."""
    total, count = np.zeros(pictures[0].shape), np.zeros(pictures[0].shape[:2])
    for picture, mask in zip(pictures, masks, strict=True):
        empty = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))) == 0
        total[empty] += picture[empty]
        count += empty
    plate = (total / np.maximum(count, 1)[..., None]).astype(np.uint8)
    return np.asarray(cv2.inpaint(plate, (count == 0).astype(np.uint8), 5, cv2.INPAINT_TELEA), np.uint8)


def true(source: Source, frame: int, view: int) -> NDArray[np.bool_]:
    mask = source.mask(frame, view)
    assert mask is not None
    return mask > 0


def line(method: str, pictures: str, masks: list[Bytes], truths: list[NDArray[np.bool_]]) -> None:
    """A row of the table."""
    share: Callable[[NDArray[np.bool_], NDArray[np.bool_]], float] = lambda a, b: a.sum() / b.sum()  # noqa: E731
    pairs = [(mask > 0, truth) for mask, truth in zip(masks, truths, strict=True)]
    scores = [share(mask & truth, mask | truth) for mask, truth in pairs]
    missed = np.mean([share(truth & ~mask, truth) for mask, truth in pairs])
    extra = np.mean([share(mask & ~truth, truth) for mask, truth in pairs])
    print(
        f"| {method} | {pictures} | {np.mean(scores):.3f} | {min(scores):.3f} | {missed:.1%} | {extra:.1%} |",
        flush=True,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
