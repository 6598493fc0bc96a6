"""The one table of all figures, and the same as JSON."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from benchmarks.cases import Row
from benchmarks.probe import Probe
from benchmarks.workloads import Seen


@dataclass
class Report:
    """Everything that one call measured. seen: what an image shows, by size and view."""

    machine: dict[str, str | int]
    settings: dict[str, Any]
    probes: list[Probe] = field(default_factory=list)
    seen: dict[str, Seen] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        """Plain containers; times in seconds, rates a second."""
        rows = [dataclasses.asdict(row) | {"ns_per_sample": row.ns, "reference_ratio": row.ratio} for row in self.rows]
        return {
            "machine": self.machine,
            "settings": self.settings,
            "probe": [dataclasses.asdict(probe) for probe in self.probes],
            "seen": {name: dataclasses.asdict(seen) for name, seen in self.seen.items()},
            "rows": rows,
        }


def table(report: Report) -> Table:
    """Probe, what is seen, and cases."""
    out = Table(title=_title(report), caption=_caption(report), caption_justify="left")
    out.add_column("what", no_wrap=True)
    for name in ("ms", "ns a sample", "of peak", "reference ms", "x reference", "published ms"):
        out.add_column(name, justify="right", no_wrap=True)
    room = ""
    for row in report.rows:
        size, this, name = row.name.split("/")
        if (size, this) != tuple(room.split("/")):
            out.add_section()
            out.add_row(f"[bold]{size}: {this}[/]")
            room = f"{size}/{this}"
        out.add_row(name, *_figures(row))
    return out


def _figures(row: Row) -> list[str]:
    bound = "" if row.bound is None else f" {row.bound}"
    share = "" if row.share is None else f"{row.share * 100:.0f} %{bound}"
    return [
        _milliseconds(row.seconds),
        "" if row.ns is None else f"{row.ns:.1f}",
        share,
        _milliseconds(row.reference_seconds),
        "" if row.ratio is None else f"{row.ratio:.1f}",
        _milliseconds(row.published),
    ]


def _milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    value = seconds * 1e3
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _title(report: Report) -> str:
    machine, settings = report.machine, report.settings
    return f"{machine['processor']}, {settings['threads']} threads, {settings['variant']}, torch {machine['torch']}"


def _held_back(probes: list[Probe]) -> bool:
    """Whether more threads do not multiply more. Threads that wait for a core of their own make torch crawl."""
    return len(probes) > 1 and probes[-1].peak.flops < 1.2 * probes[0].peak.flops


def _caption(report: Report) -> str:
    lines = []
    for probe in report.probes:
        registers = f"{probe.registers / 1e9:.0f} in registers" if probe.registers else "registers unknown"
        lines.append(
            f"probe, {probe.threads} thread{'s' if probe.threads > 1 else ''}: {probe.gemm / 1e9:.0f} GFLOP/s in a "
            f"matrix product, {registers}; {probe.bandwidth / 1e9:.1f} GB/s"
        )
    if _held_back(report.probes):
        lines.append(
            f"{report.probes[-1].threads} threads do hardly more than one: something else runs here, or the process is "
            "held to fewer cores. The figures mean nothing; try --threads 1"
        )
    for name, seen in report.seen.items():
        lines.append(
            f"{name}: {seen.width}x{seen.height}, {seen.covered * 100:.1f} % covered, {seen.densities:,} density and "
            f"{seen.colours:,} colour samples"
        )
    return "\n".join(lines)
