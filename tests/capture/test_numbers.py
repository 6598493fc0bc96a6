"""Frame numbers in file names."""

from __future__ import annotations

import pytest

from dymap.capture.numbers import frame_numbers, natural

COREVIEW = [f"Camera_B1/Camera_B1_{i:04d}_2019-08-23_16-08-{50 + i // 25}.{40 * (i % 25) + 12}.jpg" for i in range(60)]


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        ([f"images/00/{i:06d}.jpg" for i in range(12)], range(12)),
        (COREVIEW, range(60)),
        ([f"frame_{i:04d}_1080p.jpg" for i in range(5, 15)], range(5, 15)),
        ([f"shot_{i:02d}_4K.jpg" for i in range(3)], range(3)),
        ([f"take2_cam3_{i}.png" for i in range(8, 12)], range(8, 12)),
        ([f"{i}.png" for i in (3, 7, 8)], (3, 7, 8)),
        ([f"f{i}_t{33 * i}.jpg" for i in range(4)], range(4)),
        ([f"x{i}.a.{i % 3}.jpg" for i in range(6)], range(6)),
        (["frame_0012_1080p.jpg"], [12]),
        (["images/03/000007.jpg"], [7]),
        ([COREVIEW[7]], [7]),
    ],
)
def test_the_digits_that_advance_are_the_number(names: list[str], numbers: range) -> None:
    assert frame_numbers(names) == tuple(numbers)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a_1.png", "a_1.png"], "repeats"),
        (["a_1.png", "a_3.png", "a_2.png"], "falls: 'a_2.png' .number 2. follows 'a_3.png' .number 3."),
        (["a_1.png", "b.png"], "'b.png' holds no frame number"),
        (["a_1_1080p.png", "a_1_1080p.png"], "repeats"),
    ],
)
def test_numbers_that_repeat_or_fall_are_refused(names: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        frame_numbers(names)


def test_names_are_sorted_as_a_person_does() -> None:
    names = ["cam10", "cam2", "Cam1", "b", "cam02", "9"]
    assert sorted(names, key=natural) == ["9", "b", "Cam1", "cam2", "cam02", "cam10"]
