"""Which segments the browser's reader loads, keeps and cancels; and how long its steps are."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from dymap.video.hash_code import write_hash
from tests.web.node import needs_node, run_node


@needs_node
def test_segments_come_go_and_are_cancelled() -> None:
    told = run_node("segments_in_memory.mjs")
    assert set(told.values()) == {"right"}, told


@needs_node
def test_large_tables_are_decoded_in_small_steps(tmp_path: Path) -> None:
    """So that a page without a worker has time for other things. Most entries of these hold something."""
    rng, entries, features = np.random.default_rng(0), 100_000, 2
    tables = [rng.integers(-2, 3, (entries, features)).astype(np.int32) for _ in range(3)]
    (tmp_path / "tables").write_bytes(write_hash(tables, (0, entries)))
    told = run_node("hash_steps.mjs", tmp_path / "tables", entries, features)
    assert told["tables"] == [hashlib.sha256(table.astype("<f4").tobytes()).hexdigest() for table in tables]
    assert told["longest"] <= 3 * 2**14
