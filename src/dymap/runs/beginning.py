"""What a training begins with, or goes on with: its folder, and the configuration that options are put on top of."""

from __future__ import annotations

from pathlib import Path

from dymap.config import Config
from dymap.errors import InputError
from dymap.presets import DEFAULT
from dymap.presets import preset as find_preset
from dymap.runs.folder import RunFolder, RunRecord


def find_run(out: str | Path | None, data: str | Path | None, preset: str | None) -> RunFolder:
    """The folder of a training: `out`, by default runs/CAPTURE/PRESET. Raises InputError if nothing is named."""
    if out is not None:
        return RunFolder(Path(out))
    if data is None:
        raise InputError("nothing to train: --data DIR begins with a capture, --out RUN goes on with a run")
    name = Path(data).resolve().name
    older = RunFolder(Path("runs") / name)  # where runs lay before presets had a folder each
    if older.exists() and older.read().preset == (preset or DEFAULT):
        return older
    return RunFolder(Path("runs") / name / (preset or DEFAULT))


def first_configuration(
    out: str | Path | None = None, data: str | Path | None = None, preset: str | None = None
) -> Config:
    """The configuration of the run that goes on; of the preset if there is none yet.

    Raises InputError for a preset that does not exist, or that the run was not begun with.
    """
    if out is not None or data is not None:
        folder = find_run(out, data, preset)
        if folder.exists():
            record = folder.read()
            check_preset(record, preset)
            return record.config
    return find_preset(preset or DEFAULT)


def check_preset(record: RunRecord, preset: str | None) -> None:
    """Raise InputError if a run was begun with another preset than the one that is named."""
    if preset not in (None, record.preset):
        raise InputError(
            f"{record.root}: the run was begun with --preset {record.preset}, and not with --preset {preset}; leave it "
            "away to go on as the run was begun, or choose another --out"
        )
