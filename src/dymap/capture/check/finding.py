"""Finding: one thing that is wrong with a capture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    text: one sentence: what was found, the likely cause and what mends it. fatal: training would be spoilt. camera:
    its name, or None if it concerns all. frame: its number, or None if it concerns all. option: what mends it, as the
    command line takes it, or "".
    """

    text: str
    fatal: bool
    camera: str | None = None
    frame: int | None = None
    option: str = ""
