"""Footage of videos: frames by time stamps, offsets, masks as images and as videos, decoders that fit the memory."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dymap.capture.readers.video_files import OpenVideos, VideoFiles, rows_by_time
from dymap.capture.videos import VideoFile
from dymap.errors import InputError
from tests.capture.clips import number_of, numbered_clip, write_clip


def clip(path: Path, times: list[float]) -> VideoFile:
    return VideoFile(numbered_clip(path, len(times), times=times))


def test_frames_are_those_of_the_same_time_and_not_of_the_same_number(tmp_path: Path) -> None:
    """The second camera is uneven, lacks two pictures, and began 0.2 seconds earlier."""
    regular = [k / 30 for k in range(30)]
    jitter = np.random.default_rng(0).uniform(-0.004, 0.004, 40)
    uneven = [k / 30 + 0.005 + float(jitter[k]) for k in range(40) if k not in (15, 16)]
    one, two = clip(tmp_path / "a.mp4", regular), clip(tmp_path / "b.mp4", uneven)
    rows = rows_by_time([one, two], [0.0, uneven[0] - 0.2])
    kept = [k for k in range(40) if k not in (15, 16)]
    for frame, (first, second) in enumerate(rows.indices):
        assert first == frame
        k = frame + 6
        assert (kept[second] if second >= 0 else -1) == (-1 if k in (15, 16) else k)
    footage = VideoFiles((one, two), rows.indices)
    assert not footage.present(9, 1)
    assert footage.present(9, 0)
    assert number_of(footage.picture(3, 1)) == 9
    assert not footage.has_masks
    assert footage.files(3, 1) == (tmp_path / "b.mp4",)


def test_only_the_time_in_which_all_cameras_film_is_taken(tmp_path: Path) -> None:
    one = clip(tmp_path / "a.mp4", [k / 30 for k in range(30)])
    two = clip(tmp_path / "b.mp4", [k / 30 for k in range(20)])
    rows = rows_by_time([one, two], [0.0, 0.2])
    np.testing.assert_array_equal(rows.indices[:, 0], np.arange(6, 26))
    np.testing.assert_array_equal(rows.indices[:, 1], np.arange(20))
    rows = rows_by_time([one, two], [0.0, 0.2], start=0.3, end=0.5)
    np.testing.assert_array_equal(rows.indices[:, 0], np.arange(9, 15))
    with pytest.raises(InputError, match=r"no moment from 0 to the end seconds .*a\.mp4 0\.00 to 0\.97"):
        rows_by_time([one, two], [0.0, 5.0])
    with pytest.raises(InputError, match=r"no moment from 0\.9 to 0\.95"):
        rows_by_time([one, two], start=0.9, end=0.95)


def test_a_rate_of_its_own_takes_the_nearest_pictures_each_once(tmp_path: Path) -> None:
    fast = clip(tmp_path / "a.mp4", [k / 60 for k in range(60)])
    slow = clip(tmp_path / "b.mp4", [k / 25 for k in range(25)])
    rows = rows_by_time([fast, slow], fps=25)
    np.testing.assert_array_equal(rows.indices[:, 1], np.arange(25)[: len(rows.times)])
    assert np.abs(fast.times[rows.indices[:, 0]] - rows.times).max() <= 1 / 120 + 1e-4
    rows = rows_by_time([fast, slow])  # 60 frames a second, of which the slow camera has 25
    found = rows.indices[:, 1]
    assert sorted(found[found >= 0]) == sorted(set(found[found >= 0]))
    assert (found >= 0).sum() >= 24


def test_masks_are_videos_or_files_or_missing(tmp_path: Path) -> None:
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[10:30, 20:50] = 255
    one = VideoFile(numbered_clip(tmp_path / "a.mp4", 5))
    masks = VideoFile(write_clip(tmp_path / "mask.mp4", [np.roll(mask, k, axis=1) for k in range(5)], fps=25))
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    files = (None, tmp_path / "m.png", None, None, None)
    indices = np.repeat(np.arange(5)[:, None], 3, axis=1)
    footage = VideoFiles((one, one, one), indices, (masks, files, None))
    assert footage.has_masks
    assert [footage.masked(1, view) for view in range(3)] == [True, True, False]
    assert not footage.masked(0, 1)
    found = footage.mask(3, 0)
    assert found is not None
    assert (found != np.roll(mask[..., 0], 3, axis=1) // 255).mean() < 0.02
    np.testing.assert_array_equal(footage.mask(1, 1), mask[..., 0] // 255)
    assert footage.mask(0, 1) is None
    assert footage.mask(0, 2) is None
    assert footage.files(1, 0) == (tmp_path / "a.mp4", tmp_path / "mask.mp4")
    assert footage.files(1, 1) == (tmp_path / "a.mp4", tmp_path / "m.png")


def test_decoders_that_do_not_fit_the_memory_are_closed(tmp_path: Path) -> None:
    videos = [VideoFile(numbered_clip(tmp_path / f"{k}.mp4", 8)) for k in range(4)]
    opened = OpenVideos(most=2 * 64 * 48 * 2 * 20)
    for index in range(8):
        for video in videos:
            assert number_of(opened.picture(video, index)) == index
            assert sum(one._decoder is not None for one in videos) <= 2
