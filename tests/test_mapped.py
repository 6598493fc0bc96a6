"""Files that are cut short while a command has them mapped."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from dymap.errors import InputError
from dymap.mapped import private_copy
from dymap.play.video import load
from dymap.runs.demonstration import PACKAGED

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="only Linux has files in memory")


def test_tensors_stay_when_their_file_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"a": torch.arange(10_000.0)}, path)
    with private_copy(path) as copy, safe_open(copy, "pt") as file:
        tensor = file.get_tensor("a")
        os.truncate(path, 10)
        os.sync()
        assert torch.equal(tensor, torch.arange(10_000.0))
    assert torch.equal(tensor, torch.arange(10_000.0)), "and when the copy is closed"


def test_a_clip_plays_on_when_its_file_is_cut_short(tmp_path: Path) -> None:
    """What of it was shown; a bus error would end this process."""
    path = Path(shutil.copy(PACKAGED, tmp_path / "dancer.dymap"))
    video = load(path)
    video.baked.segment(0)
    os.truncate(path, 10)
    with pytest.raises(InputError, match=r"dancer\.dymap: damaged file"):
        load(path)
    assert all(bool(value.isfinite().all()) for value in video.baked.field.state_dict().values())


def test_what_is_no_file_is_left_to_who_opens_it(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with private_copy(path) as copy:
            assert copy == path
