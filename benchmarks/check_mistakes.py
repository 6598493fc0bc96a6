"""How many mistakes `dymap capture check` finds, and how often it finds one that is not there.

    python -m benchmarks.check_mistakes --draws 200 --captures CAPTURE ...

Mistakes of a random kind, size and camera are made in small copies of captures, in memory. A mistake is named if a
gross finding says the right camera and the right cause; other cameras that are said to be wrong are false alarms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from benchmarks.mistakes import MISTAKES, Expected, hold, noisy
from dymap.capture import read_source
from dymap.capture.check.examine import Report, examine
from dymap.capture.source import Source
from dymap.config import CaptureConfig

COLOURS = {"exposure", "tint"}
"""Causes that are not counted as false alarms of noisy captures."""


@dataclass(frozen=True)
class Drawn:
    """One draw: which capture, which mistake, whether it was seen, named, and what else was said."""

    capture: str
    mistake: str
    seen: bool
    named: bool
    others: int
    said: tuple[str, ...]


def draw(name: str, source: Source, mistake: str, rng: np.random.Generator) -> Drawn:
    """Make one mistake and check."""
    made, truth = MISTAKES[mistake](source, rng)
    report = examine(made)
    gross = [finding for finding in report.findings if finding.gross]
    right = [f for f in gross if f.cause in truth.causes and (f.camera in truth.cameras)]
    others = [f for f in gross if f.camera not in truth.cameras]
    said = tuple(f"{f.camera}@{f.frame}:{f.cause}" for f in gross)
    return Drawn(
        name, mistake, bool(gross), bool(right), len(others), (*said, f"truth {sorted(map(str, truth.cameras))}")
    )


def false_alarms(source: Source) -> list[str]:
    """What is said of a capture without mistakes, colours apart."""
    return [finding.cause for finding in examine(source).findings if finding.cause not in COLOURS]


def main(
    captures: Annotated[tuple[Path, ...], tyro.conf.arg(help="Folders of captures without mistakes.")],
    draws: int = 200,
    seed: int = 0,
    verbose: bool = False,
) -> None:
    """Print the table."""
    rng = np.random.default_rng(seed)
    sources: dict[str, Source] = {}
    for folder in captures:
        held = hold(read_source(folder, CaptureConfig()))
        sources[folder.name], sources[f"{folder.name}, noisy"] = held, noisy(held, rng)
    for name, source in sources.items():
        print(f"{name}: {false_alarms(source) or 'no finding'}", flush=True)
    names, drawn, kinds = list(sources), [], list[str]()
    for _ in range(draws):
        kinds = kinds or [str(kind) for kind in rng.permutation(list(MISTAKES))]
        name = names[int(rng.integers(len(names)))]
        drawn.append(draw(name, sources[name], kinds.pop(), rng))
        if verbose:
            print(drawn[-1], flush=True)
    print(table(drawn))


def table(drawn: Sequence[Drawn]) -> str:
    """One row a mistake."""
    rows: dict[str, list[Drawn]] = defaultdict(list)
    for one in drawn:
        rows[one.mistake].append(one)
    lines = ["| mistake | draws | seen | named | others named |", "|---|---|---|---|---|"]
    for mistake, found in [*rows.items(), ("all", list(drawn))]:
        seen, named = sum(one.seen for one in found), sum(one.named for one in found)
        lines.append(f"| {mistake} | {len(found)} | {seen} | {named} | {sum(one.others > 0 for one in found)} |")
    return "\n".join(lines)


__all__ = ["Drawn", "Expected", "Report", "draw", "false_alarms", "main", "table"]

if __name__ == "__main__":
    tyro.cli(main)
