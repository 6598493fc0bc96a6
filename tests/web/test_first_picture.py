"""The benchmark of the first picture: what it counts, and a visit of each page."""

from __future__ import annotations

import math
import time
from pathlib import Path

from benchmarks.web_first_picture import COLUMNS, Line, measure, table, together

from dymap.video.packing import save_packed
from tests.browser import needs_browser
from tests.golden.sources import Golden
from tests.video.videos import painted_video


def test_spans_that_overlap_count_once() -> None:
    assert together([[5, 7], [0, 2], [1, 3], [6, 6.5]]) == 5
    assert together([]) == 0


def test_a_line_lets_through_no_more_than_it_can() -> None:
    line = Line(1e5, 0)
    begun = time.monotonic()
    for _ in range(10):
        line.take(1000, of_clip=True)
    assert time.monotonic() - begun > 0.09
    assert (line.sent, line.of_clip) == (10_000, 10_000)


@needs_browser
def test_a_visit_of_each_page_is_measured(trimmed: Golden, tmp_path: Path) -> None:
    save_packed(tmp_path / "clip.dymap", painted_video(trimmed), 1e-6)
    rows = measure(tmp_path / "clip.dymap", side=64, times=1)
    assert set(rows) == {"index.html", "player.html", "reader.html"}
    for name, row in rows.items():
        assert 3 <= row["requests"] <= 8
        assert row["clip kB"] <= (tmp_path / "clip.dymap").stat().st_size / 1e3 < row["kB"]
        assert 0 < row["page"] <= row["decoded"]
        missing = {column for column in COLUMNS if math.isnan(row[column])}
        assert missing == ({"picture", "GPU"} if name == "reader.html" else {"header"})  # this clip has no poster
    assert table(rows).count("\n") == 4
