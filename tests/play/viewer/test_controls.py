"""What the panel says."""

from __future__ import annotations

from dymap.play.viewer.controls import PictureRate


def test_the_picture_rate_is_that_of_the_last_two_seconds() -> None:
    rate = PictureRate()
    assert rate.add(0.0, 0.05, 64, 32) == "64 x 32, 50 ms"
    for k in range(1, 11):
        status = rate.add(k / 10, 0.05, 64, 32)
    assert status == "64 x 32, 50 ms, 10.0 pictures/s"
    assert rate.add(50.0, 0.05, 64, 32) == "64 x 32, 50 ms", "after a rest it begins anew"
