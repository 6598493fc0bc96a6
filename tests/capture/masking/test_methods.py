"""Pictures whose masks are known: shadows, light that changes, screens and spill, cameras that disagree."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import TypeVar

import cv2
import numpy as np
import pytest

from dymap.capture.masking import background, chroma
from dymap.capture.masking.contact_sheet import cell, cell_height, contact_sheet
from dymap.capture.masking.hull import clean
from dymap.capture.masking.median import median_of
from dymap.sample import render_view, sample_cameras
from dymap.sample.render import encode
from dymap.sample.studio import backdrop

SIZE = 192
Made = TypeVar("Made")
CAMERAS = sample_cameras(8, SIZE)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float(((one > 0) & (other > 0)).sum() / max(((one > 0) | (other > 0)).sum(), 1))


def noisy(picture: np.ndarray, gains: tuple[float, float, float] = (1, 1, 1), seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1.5, picture.shape)
    return np.clip(picture * np.array(gains) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("gains", [(1, 1, 1), (0.92, 1.0, 1.05)])
def test_a_clean_plate_finds_the_dancer_in_any_light_without_her_shadow(gains: tuple[float, float, float]) -> None:
    camera = CAMERAS[1]
    picture, labels = render_view(camera, 0.3)
    plate = noisy(encode(backdrop(camera).colour), seed=1)
    mask = background.foreground(noisy(picture, gains), background.background_of([plate]))
    assert iou(mask, labels) > 0.88
    far = cv2.dilate((labels > 0).astype(np.uint8), np.ones((15, 15))) == 0
    assert mask[far].sum() < 0.01 * (labels > 0).sum()


def test_an_empty_scene_has_an_empty_mask() -> None:
    plate = encode(backdrop(CAMERAS[0]).colour)
    plates = [noisy(plate, seed=seed) for seed in range(3)]
    assert not background.foreground(noisy(plate, (0.95, 1, 1), seed=9), background.background_of(plates)).any()


def test_memory_is_that_of_what_is_given_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes a pixel, at the most, besides the plates: what is worked out on the way is there in strips only."""
    plate = encode(backdrop(CAMERAS[0]).colour)
    plates = [noisy(cv2.resize(plate, (640, 480)), seed=seed) for seed in range(4)]
    picture = plates[3].copy()
    picture[100:300, 200:300] = (10, 200, 30)
    whole = background.background_of(plates)
    mask = background.foreground(picture, whole)
    monkeypatch.setattr(background, "STRIP", 2**12)
    made, most = peak(lambda: background.background_of(plates))
    assert most < 60
    found, most = peak(lambda: background.foreground(picture, made))
    assert most < 45
    for one, other in ((made.colour, whole.colour), (made.noise, whole.noise), (found, mask)):
        np.testing.assert_array_equal(one, other)
    assert 0.9 < mask.sum() / 20_000 < 1.1


def peak(work: Callable[[], Made]) -> tuple[Made, float]:
    """What is made, and the bytes a pixel of 640 x 480 that this took."""
    tracemalloc.start()
    made = work()
    most = tracemalloc.get_traced_memory()[1] / (640 * 480)
    tracemalloc.stop()
    return made, most


def walking(positions: list[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A dark person at columns of a bright room: pictures, masks."""
    room = np.full((96, 160, 3), 170, np.uint8)
    room[:, ::16] = 150
    pictures, masks = [], []
    for seed, column in enumerate(positions):
        picture, mask = room.copy(), np.zeros((96, 160), np.uint8)
        picture[20:90, column : column + 14], mask[20:90, column : column + 14] = (60, 40, 90), 1
        pictures.append(noisy(picture, seed=seed))
        masks.append(mask)
    return pictures, masks


def test_the_median_finds_who_walks_and_says_who_stands_still() -> None:
    pictures, masks = walking(list(range(0, 144, 12)))
    median = median_of(pictures)
    assert not median.told
    assert min(iou(background.foreground(p, median.background), m) for p, m in zip(pictures, masks, strict=True)) > 0.9
    assert "hardly anything moves" in median_of(walking([70] * 9)[0]).told
    assert "stays in one place" in median_of(walking([68, 70, 72, 74, 76, 78, 70, 66, 73])[0]).told
    dances = [noisy(render_view(CAMERAS[1], turn / 12)[0], seed=turn) for turn in range(12)]
    assert "stays in one place" in median_of(dances).told
    with pytest.raises(ValueError, match="too few"):
        median_of(pictures[:2])


def on_a_screen(colour: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The dancer before an unevenly lit screen whose light falls on her."""
    picture, labels = render_view(CAMERAS[2], 0.6)
    cover = cv2.GaussianBlur((labels > 0).astype(np.float32), (0, 0), 0.5)[..., None]
    screen = np.array(colour) * np.linspace(0.6, 1.05, SIZE)[:, None, None]
    lit = 0.9 * picture + 0.1 * np.array(colour)
    return noisy(cover * lit + (1 - cover) * screen), labels


@pytest.mark.parametrize("colour", [(45, 175, 70), (30, 60, 190)])
def test_a_screen_is_found_and_keyed_with_its_spill(colour: tuple[int, int, int]) -> None:
    picture, labels = on_a_screen(colour)
    key = chroma.find_key([picture])
    assert np.abs(key.astype(int) - np.array(colour)).max() < 60
    # Her trousers are green and blue themselves: what has the screen's own colour cannot be told from it.
    assert iou(chroma.foreground(picture, key), labels) > 0.85


def test_keys_are_colours() -> None:
    assert chroma.parse_key("auto") is None
    assert chroma.parse_key("#10e030").tolist() == [16, 224, 48]
    for text, words in (("pink", "no colour"), ("#12345", "no colour"), ("#808080", "nearly grey")):
        with pytest.raises(ValueError, match=words):
            chroma.parse_key(text)
    with pytest.raises(ValueError, match="no green or blue screen"):
        chroma.find_key([np.full((40, 40, 3), 128, np.uint8)])


def test_the_other_cameras_clean_a_mask() -> None:
    """Blobs beside the dancer vanish, holes in her are filled, and a mask of which half is lost stays the only one."""
    true = {view: (render_view(camera, 0.3)[1] > 0).astype(np.uint8) for view, camera in enumerate(CAMERAS)}
    bad = {view: mask.copy() for view, mask in true.items()}
    cv2.circle(bad[2], (20, 30), 9, 1, -1)
    thick = np.argwhere(cv2.erode(true[2], np.ones((11, 11))))
    row, column = thick[len(thick) // 2]
    cv2.circle(bad[2], (int(column), int(row)), 3, 0, -1)
    bad[5][: SIZE // 2] = 0
    cleaned = clean(CAMERAS, bad)
    assert iou(cleaned[2], true[2]) > max(iou(bad[2], true[2]), 0.98)
    assert cleaned[2][row, column] == 1
    assert all(iou(cleaned[view], true[view]) > 0.98 for view in (0, 1, 3, 4, 6, 7))
    assert clean(CAMERAS[:2], {0: bad[0], 1: bad[1]})[0] is bad[0]


def test_masks_without_a_common_place_stay_as_they_are() -> None:
    masks = {view: np.zeros((SIZE, SIZE), np.uint8) for view in range(8)}
    masks[3][5:20, 5:20] = 1
    assert (clean(CAMERAS, masks)[3] == masks[3]).all()


def test_a_sheet_is_of_a_size_that_can_be_looked_at_whatever_the_pictures_and_names() -> None:
    for height, width, cameras in ((5, 3000, 2), (3000, 5, 2), (1, 1, 1), (48, 64, 300)):
        one = cell(np.zeros((height, width, 3), np.uint8), np.ones((height, width)), "\x1b[31m", cell_height(cameras))
        sheet = contact_sheet([[one] * 3] * cameras)
        assert max(sheet.shape) < 30_000
        assert sheet.dtype == np.uint8
