"""By how much one signal lags behind another, to a fraction of a sample, and how sure that is.

Notation: a(t), b(t) signals sampled every 1 / rate seconds; the delay d is the one with b(t) ~ a(t + d): whoever
recorded b began d seconds later than whoever recorded a.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Lags = NDArray[np.int64]


@dataclass(frozen=True)
class Delay:
    """seconds: by which the second signal began later. confidence: how far the best delay stands out from all others,
    in standard deviations of their scores."""

    seconds: float
    confidence: float


def sound_delay(a: Floats, b: Floats, rate: float, longest: float, band: tuple[float, float] = (150, 4000)) -> Delay:
    """Generalised cross-correlation with phase transform (Knapp and Carter 1976, equation 21 with PHAT).

    a, b: [n] samples. longest: seconds of delay that are looked at, to both sides. band: hertz that count: below it
    rooms hum, above it microphones differ.
    """
    size = _size(len(a) + len(b))
    cross = np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size))
    frequency = np.fft.rfftfreq(size, 1 / rate)
    cross[(frequency < band[0]) | (frequency > band[1])] = 0
    strength = np.abs(cross)
    # Where nothing is heard phases are noise: strengths far below the usual one count for less.
    cross /= np.maximum(strength, 1e-3 * strength[strength > 0].mean()) if strength.any() else 1
    scores = np.fft.irfft(cross, size)
    most = min(int(longest * rate), len(a) - 1, len(b) - 1)
    lags = np.arange(-most, most + 1)
    return _best(scores[lags], lags, rate, apart=max(1, round(0.02 * rate)))


def best_motion(lags: Lags, scores: Floats, rate: float) -> Delay:
    """The delay of the highest score. Scores within half a second of it are its own, as motion is smooth."""
    return _best(scores, lags, rate, apart=max(1, round(0.5 * rate)))


def motion_scores(
    a: Floats, b: Floats, rate: float, longest: float, shortest_overlap: float = 1.0
) -> tuple[Lags, Floats]:
    """(lags, scores): how well two motions agree at each lag, in standard deviations of what chance does.

    Normalised cross-correlation: the correlation coefficient r of what overlaps, as Fisher's z = artanh(r), whose
    standard deviation is 1 / sqrt(n - 3) of n samples. a, b: [n] how much moves in two views every 1 / rate seconds;
    NaN: not known. longest: seconds of delay. shortest_overlap: seconds; lags at which less overlaps score NaN.
    """
    least = max(4, round(shortest_overlap * rate))
    size = _size(len(a) + len(b))
    most = min(int(longest * rate), size // 2 - 1)

    def correlate(x: Floats, y: Floats) -> Floats:
        """[lags] sums over t of x(t + lag) y(t)."""
        return np.asarray(np.fft.irfft(np.fft.rfft(x, size) * np.conj(np.fft.rfft(y, size)), size))

    known_a, known_b = np.isfinite(a).astype(float), np.isfinite(b).astype(float)
    a, b = (np.where(np.isfinite(x), (x - _mean(x)) / _deviation(x), 0) for x in (a, b))
    count = np.rint(correlate(known_a, known_b))
    n = np.maximum(count, 1)
    mean_a, mean_b = correlate(a, known_b) / n, correlate(known_a, b) / n
    variance = (correlate(a * a, known_b) / n - mean_a**2) * (correlate(known_a, b * b) / n - mean_b**2)
    r = (correlate(a, b) / n - mean_a * mean_b) / np.sqrt(np.maximum(variance, 1e-6))
    scores = np.arctanh(np.clip(r, -0.999, 0.999)) * np.sqrt(np.maximum(count - 3, 0))
    lags = np.arange(-most, most + 1)
    return lags, np.where(count >= least, scores, np.nan)[lags]


def _mean(x: Floats) -> float:
    return float(np.nanmean(x)) if np.isfinite(x).any() else 0.0


def _deviation(x: Floats) -> float:
    return max(float(np.nanstd(x)), 1e-12) if np.isfinite(x).any() else 1.0


def _best(scores: Floats, lags: Lags, rate: float, apart: int) -> Delay:
    """The lag of the highest score, between samples by a parabola. apart: of lags whose scores are those of others."""
    if not np.isfinite(scores).any():
        return Delay(0.0, 0.0)
    at = int(np.nanargmax(scores))
    part = 0.0
    if 0 < at < len(scores) - 1 and np.isfinite(scores[at - 1 : at + 2]).all():
        before, here, after = scores[at - 1 : at + 2]
        bend = before - 2 * here + after
        part = 0.0 if bend >= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
    others = scores[(np.abs(lags - lags[at]) > apart) & np.isfinite(scores)]
    spread = float(others.std()) if len(others) > 2 else 0.0
    confidence = (float(scores[at]) - float(others.mean())) / spread if spread > 0 else 0.0
    return Delay((float(lags[at]) + part) / rate, confidence)


def _size(length: int) -> int:
    """A power of two, of which transforms are fast."""
    return 1 << max(length - 1, 1).bit_length()
