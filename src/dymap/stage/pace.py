"""How large drafts may be, so that there are enough of them a second."""

from __future__ import annotations

import math

RATE = 15.0
"""Drafts a second that are aimed at, of all clients that move together: with some room, at least 12 come."""
SMALLEST = 0.2
"""Share of the full picture's side."""
LEAST = 0.4
"""Share of the time that is left for drawing, however long frames take to make."""
STEPS = 8
"""Sizes between a draft and one of twice the side: few, so that it does not flicker."""


class Pace:
    """Learns from what pictures took. time: in which is drawn, a share of all time. share: of the full picture's side,
    that a draft may have now."""

    def __init__(self, time: float = 1.0) -> None:
        self._time, self._share = time, 0.5

    def share(self) -> float:
        """On a ladder of sizes."""
        if self._share >= 1:
            return 1.0
        return max(SMALLEST, 2 ** (math.floor(STEPS * math.log2(self._share)) / STEPS))

    def took(self, share: float, seconds: float, moving: int, making: float = 0.0) -> None:
        """A picture of `share` of the side took `seconds`, while `moving` clients wanted drafts. making: seconds that
        its frame took before, whatever the size of the picture.

        Pixels are the square of the side. Slower is followed at once, faster by and by.
        """
        period = self._time / RATE / max(1, moving)
        budget = max(LEAST * period, period - making)
        fitting = share * math.sqrt(budget / max(seconds, 1e-6))
        fitting = min(1.2, max(SMALLEST, fitting))  # a little more than is used, so that it comes to the whole
        if fitting < self._share:
            self._share = max(fitting, self._share / 2)
        else:
            self._share += 0.3 * (fitting - self._share)
