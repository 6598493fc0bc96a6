"""dymap capture convert, as it is typed."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_a_capture_is_written_in_another_layout(dymap: Run, sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    said = dymap("capture", "convert", sample, out, "--to", "transforms", "--frames", 0, 1, 1)
    assert said.code == 0
    assert f"{out}: 1 frames of" in said.out
    assert said.out.endswith(f"next: dymap info {out}")
    assert "transforms" in dymap("info", out).out
    dymap("capture", "convert", sample, out, "--to", "zjumocap").failed_with("exists already")
