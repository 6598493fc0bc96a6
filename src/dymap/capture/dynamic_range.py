"""High dynamic range and wide gamuts as BT.709, of which training knows nothing else.

signal -> light of the display (PQ: SMPTE ST 2084; HLG: ITU-R BT.2100, 1000 cd/m2, system gamma 1.2) -> primaries of
BT.709 -> brightness by the roll-off of ITU-R BT.2390-10, section 5.4.1 -> signal of BT.1886, which shows BT.709.

White of 203 cd/m2 (BT.2408) becomes nearly the white of BT.709. Up to 90 cd/m2 nothing is compressed. All pictures of
all cameras are treated alike: the curve depends on no picture.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Transfer = Literal["sdr", "hlg", "pq"]
Primaries = Literal["bt709", "bt2020", "p3"]

PEAK = 1000.0
"""cd/m2 of the display that HLG is meant for, and the brightest that is told apart in PQ."""
WHITE = 203.0
"""cd/m2 of a white sheet in high dynamic range (BT.2408)."""
BRIGHTEST = 1.7
"""What a channel of BT.709 has at most, in the peak of one of BT.2020."""
GAMMA = 2.4
"""Of a display of BT.709 (BT.1886)."""
STEPS = 4096
"""Of the tables by which curves are looked up."""

TO_BT709: dict[Primaries, NDArray[np.float64]] = {
    "bt709": np.eye(3),
    "bt2020": np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]),
    "p3": np.array([[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]]),
}
"""Linear light, row by row; all have the white D65 (BT.2087, Annex 2 for BT.2020; SMPTE RP 431 and D65 for P3)."""


def to_bt709(signal: NDArray[np.uint16], transfer: Transfer, primaries: Primaries) -> NDArray[np.uint8]:
    """[H, W, 3] 16-bit R'G'B' of a transfer and primaries -> [H, W, 3] 8-bit R'G'B' of BT.709."""
    light = _light(signal, transfer)  # 1 is the white of BT.709; high dynamic range goes to PEAK / WHITE
    light = np.maximum(np.asarray(cv2.transform(light, TO_BT709[primaries].astype(np.float32)), np.float32), 0)
    if transfer != "sdr":
        red, green, blue = cv2.split(light)
        brightest = cv2.max(cv2.max(red, green), blue)
        light *= _looked_up(_ROLL_OFF, cv2.sqrt(brightest * np.float32(WHITE / (PEAK * BRIGHTEST))))[..., None]
    # Roots need fine steps near black: the table is of the root of the light.
    return _looked_up(_BYTES, cv2.sqrt(light))


def _light(signal: NDArray[np.uint16], transfer: Transfer) -> Floats:
    table = np.take(_LIGHT[transfer], signal)
    if transfer == "hlg":
        luminance = cv2.transform(table, np.array([[0.2627, 0.6780, 0.0593]], np.float32))  # of the scene, 0 to 1
        table *= _looked_up(_SYSTEM_GAMMA, cv2.sqrt(luminance))[..., None]
    return table


def _looked_up(table: NDArray[Any], values: Any) -> NDArray[Any]:
    """Values [H, W, ...] of 0 and more on a curve over [0, 1], a table of equal steps; beyond its end the end's own."""
    return np.take(table, (values * np.float32(len(table) - 1) + np.float32(0.5)).astype(np.int32), mode="clip")


def pq_light(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """cd/m2 of PQ's signal in [0, 1] (ST 2084, the electro-optical transfer function)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = np.asarray(signal) ** (1 / m2)
    return np.asarray(10000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1))


def pq_signal(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """PQ's signal in [0, 1] of cd/m2: the inverse of `pq_light`."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = (np.asarray(light) / 10000) ** m1
    return np.asarray(((c1 + c2 * power) / (1 + c3 * power)) ** m2)


def hlg_scene_light(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of the scene, 0 to 1, of HLG's signal in [0, 1] (BT.2100, table 5: the inverse of its OETF)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    signal = np.asarray(signal)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def rolled_off(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """cd/m2 up to PEAK -> cd/m2 up to WHITE (BT.2390-10, 5.4.1): a Hermite spline over PQ's signal above a knee."""
    top = float(pq_signal(np.array(PEAK)))
    E1 = pq_signal(light) / top
    largest = float(pq_signal(np.array(WHITE))) / top
    knee = 1.5 * largest - 0.5
    t = np.clip((E1 - knee) / (1 - knee), 0, 1)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * largest
    )  # fmt: skip
    return pq_light(np.where(knee > E1, E1, spline) * top)


_SIGNAL = np.linspace(0, 1, 2**16)
_LIGHT: dict[Transfer, Floats] = {
    "sdr": (_SIGNAL**GAMMA).astype(np.float32),
    "pq": (np.minimum(pq_light(_SIGNAL), PEAK) / WHITE).astype(np.float32),
    "hlg": hlg_scene_light(_SIGNAL).astype(np.float32),
}
"""Of the signal in 16 bits. That of HLG is the scene's, 0 to 1."""
_SQUARES = np.linspace(0.25 / STEPS, 1, STEPS) ** 2
_SYSTEM_GAMMA: Floats = (_SQUARES**0.2 * (PEAK / WHITE)).astype(np.float32)
"""Over the root of the luminance: what the scene's light is multiplied by (BT.2100, table 5: the OOTF)."""
_ROLL_OFF: Floats = (rolled_off(_SQUARES * BRIGHTEST * PEAK) / (_SQUARES * BRIGHTEST * PEAK)).astype(np.float32)
"""Over the root of the brightest channel, 1 being BRIGHTEST PEAK: what all three are multiplied by."""
_BYTES = np.rint(np.linspace(0, 1, STEPS) ** (2 / GAMMA) * 255).astype(np.uint8)
"""Over the root of the light: the signal of BT.709."""
