"""Runs that were begun with an earlier dymap go on: its configurations load, its checkpoints resume, with its numbers.

`old_runs` holds two runs of four steps as version 0.1.0 wrote them: a checkpoint after step 2, and the configuration,
losses of steps 2 and 3 and the norms of the final parameters. Written on one machine: others round differently.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dymap.capture import Capture
from dymap.config import Config, from_json
from dymap.train.checkpoint import checkpoints
from tests.train.runs import run

OLD = Path(__file__).parent / "old_runs"


@pytest.mark.parametrize("name", ["published", "ours"])
def test_an_old_run_goes_on_with_its_numbers(name: str, tiny: Capture, tmp_path: Path) -> None:
    shutil.copy(OLD / f"{name}.safetensors", tmp_path / "step-0000002.safetensors")
    expected = json.loads((OLD / f"{name}.json").read_text())
    config = from_json(Config, expected["config"])
    field, reports = run(tiny, config, tmp_path, field_seed=7)
    assert [report.step for report in reports] == [2, 3]
    for report, losses in zip(reports, expected["losses"], strict=True):
        assert report.losses == pytest.approx(losses, rel=1e-3, abs=1e-7)
    norms = {name: float(value.double().norm()) for name, value in field.state_dict().items()}
    assert norms == pytest.approx(expected["norms"], rel=1e-4)
    assert [step for step, _ in checkpoints(tmp_path)] == [2, 4]
