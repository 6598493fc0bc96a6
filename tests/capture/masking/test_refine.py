"""Masks that a network got wrong in some frames, corrected by the others; and where it looks closer."""

from __future__ import annotations

import numpy as np
import pytest

from dymap.capture.masking.closer import closer, within
from dymap.capture.masking.refine import evidence, refined

SIZE, FRAMES = 96, 16
Shots = tuple[list[np.ndarray], list[np.ndarray]]


def person(frame: int) -> Shots:
    """One who steps from side to side in a cluttered room, her trunk never far: picture and true mask."""
    rng = np.random.default_rng(1)
    room = np.kron(rng.integers(40, 220, (12, 12, 3)), np.ones((8, 8, 1)))
    mask = np.zeros((SIZE, SIZE), np.uint8)
    at = 40 + round(8 * np.sin(2 * np.pi * frame / FRAMES))
    mask[30:80, at : at + 14] = 1
    arm = 50 + round(12 * np.cos(2 * np.pi * frame / FRAMES))
    mask[arm - 3 : arm + 3, at - 12 : at + 26] = 1
    picture = np.where(mask[..., None] > 0, (210, 150, 120), room)
    noise = np.random.default_rng(frame + 9).normal(0, 1.5, room.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8), mask


@pytest.fixture(scope="module")
def truth() -> Shots:
    shots = [person(frame) for frame in range(FRAMES)]
    return [picture for picture, _ in shots], [mask for _, mask in shots]


def worst(masks: list[np.ndarray], truth: list[np.ndarray]) -> float:
    return min(float((a & b).sum() / (a | b).sum()) for a, b in zip(masks, truth, strict=True))


def damaged(masks: list[np.ndarray]) -> list[np.ndarray]:
    """Arms lost in every third frame, the trunk in one, a piece of the room taken in two."""
    out = [mask.copy() for mask in masks]
    for frame in range(0, FRAMES, 3):
        out[frame][:, :38] = 0
    out[7][40:70] = 0
    out[2][5:25, 60:90] = out[10][5:25, 60:90] = 1
    return out


def test_what_is_wrong_in_some_frames_is_corrected_by_the_others(truth: Shots) -> None:
    pictures, masks = truth
    given = damaged(masks)
    assert worst(given, masks) < 0.6
    seen = evidence(zip(pictures, given, strict=True))
    assert worst([refined(*pair, seen) for pair in zip(pictures, given, strict=True)], masks) > 0.9


def test_right_masks_stay(truth: Shots) -> None:
    pictures, masks = truth
    seen = evidence(zip(pictures, masks, strict=True))
    assert worst([refined(*pair, seen) for pair in zip(pictures, masks, strict=True)], masks) > 0.95


def test_one_picture_says_nothing_more_than_its_mask(truth: Shots) -> None:
    pictures, masks = truth
    seen = evidence([(pictures[0], masks[0])])
    assert worst([refined(pictures[0], masks[0], seen)], masks[:1]) > 0.9


def test_a_network_looks_closer_at_the_part_in_which_it_found_something() -> None:
    first, second = np.zeros((2, 100, 200), np.uint8)
    first[40:60, 20:30] = second[40:60, 24:40] = 1
    first[2:4, 190:195] = 1  # a speck, and in one picture only
    part = closer([first, second])
    assert part is not None
    assert part[0].start < 40 < 60 < part[0].stop < 100
    assert part[1].start < 24 < 30 < part[1].stop < 100
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[40:60, 22:38] = 255
    given: list[tuple[int, ...]] = []

    def bright(piece: np.ndarray) -> np.ndarray:
        given.append(piece.shape[:2])
        return (piece[..., 0] > 128).astype(np.uint8)

    def seen(picture: np.ndarray) -> np.ndarray:
        given.clear()
        return within(part, bright, picture)

    np.testing.assert_array_equal(seen(picture), bright(picture))
    assert given[0] == (part[0].stop - part[0].start, part[1].stop - part[1].start)
    assert len(given) == 2, "the part only, and the whole by this test"
    for columns in (slice(30, 90), slice(120, 160)):  # who goes out of the part, or is elsewhere
        walked = np.zeros_like(picture)
        walked[40:60, columns] = 255
        np.testing.assert_array_equal(seen(walked), bright(walked))


def test_who_walks_through_the_pictures_is_looked_for_in_all_of_them() -> None:
    masks = [np.zeros((100, 400), np.uint8) for _ in range(8)]
    for place, mask in enumerate(masks):
        mask[30:80, 40 * place : 40 * place + 45] = 1
    assert closer(masks) is None


def test_labels_are_kept(truth: Shots) -> None:
    pictures, masks = truth
    labelled = masks[0].copy()
    labelled[30:38][labelled[30:38] > 0] = 2
    seen = evidence(zip(pictures, masks, strict=True))
    corrected = refined(pictures[0], labelled, seen)
    assert (corrected[corrected > 0] == 2).sum() > 0.9 * (labelled == 2).sum()
    np.testing.assert_array_equal(corrected > 0, refined(pictures[0], masks[0], seen) > 0)


@pytest.mark.parametrize("filled", [0, 1])
def test_nothing_is_cut_off_if_nothing_was_found_or_it_is_everywhere(filled: int) -> None:
    masks = [np.full((50, 50), filled, np.uint8)] * 3
    assert closer(masks) is None
    assert within(None, lambda _: masks[0], np.zeros((50, 50, 3), np.uint8)) is masks[0]
