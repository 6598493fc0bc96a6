"""What the panel says."""

from __future__ import annotations

from dymap.play.viewer.controls import PictureRate, clamp, one_of


def test_the_picture_rate_is_that_of_the_last_two_seconds() -> None:
    rate = PictureRate()
    assert rate.add(0.0, 0.05, 64, 32) == "64 x 32, 50 ms"
    for k in range(1, 11):
        status = rate.add(k / 10, 0.05, 64, 32)
    assert status == "64 x 32, 50 ms, 10.0 pictures/s"
    assert rate.add(50.0, 0.05, 64, 32) == "64 x 32, 50 ms", "after a rest it begins anew"


def test_what_a_control_says_is_in_range() -> None:
    assert [clamp(value, 2, 9) for value in (1, 5, 5.7, 99, float("inf"))] == [2, 5, 5, 9, 9]
    assert [clamp(value, 2, 9) for value in (None, "5", [5], float("nan"))] == [2, 2, 2, 2]
    assert one_of("b", ("a", "b")) == "b"
    assert one_of("c", ("a", "b")) == one_of(None, ("a", "b")) == "a"
