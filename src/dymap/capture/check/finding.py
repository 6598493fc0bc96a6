"""Finding: one thing that is wrong with a capture."""

from __future__ import annotations

from dataclasses import dataclass, field

from dymap.capture.check.repair import Repair


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    text: one sentence: what was found, the likely cause and what mends it. fatal: training would be spoilt. camera:
    its name, or None if it concerns all. frame: its number, or None if it concerns all. option: what mends it, as the
    command line takes it, or "". cause: its name, as `inverted`. gross: views or frames do not belong to the rest;
    else it is a blemish. measures: the numbers. repairs: what mends it for certain, if that can be said.
    """

    text: str
    fatal: bool
    camera: str | None = None
    frame: int | None = None
    option: str = ""
    cause: str = ""
    gross: bool = False
    measures: dict[str, float] = field(default_factory=dict)
    repairs: tuple[Repair, ...] = ()
