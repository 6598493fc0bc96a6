"""What an import of videos has done, in its folder: it goes on after a kill, and never mixes two imports."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from dymap.capture.calibrations import calibration_files
from dymap.capture.importing.wanted import Wanted
from dymap.capture.readers.easymocap import IMPORTED
from dymap.capture.synchronise.estimate import Offset
from dymap.errors import InputError
from dymap.files import read_json, write_json
from dymap.partials import sweep

FORMAT, VERSION = "dymap-import", 1


@dataclass
class ImportState:
    """path: its file. data: what it holds."""

    path: Path
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def offsets(self) -> list[Offset] | None:
        """When each camera began, if that was found already."""
        try:
            held = self.data["offsets"]
            return [Offset(float(one["seconds"]), str(one["by"]), float(one["confidence"])) for one in held]
        except (KeyError, TypeError, ValueError):
            return None

    def save(self, **more: Any) -> None:
        """Write what is known now."""
        self.data |= more
        write_json(self.path, self.data)


def open_state(wanted: Wanted, paths: Sequence[Path], names: Sequence[str], masks: Sequence[Path]) -> ImportState:
    """The state of an import, begun or fresh. paths: of the videos; names: of their cameras; masks: files of all masks.

    Raises InputError for a folder that holds anything but an import of the same videos with the same options.
    """
    path = wanted.out / IMPORTED
    for folder in (wanted.out, *wanted.out.glob("images/*"), *wanted.out.glob("masks/*")):
        sweep(folder)  # or what a killed import left there would be taken for a stranger's, or stay
    mark = _mark(wanted, paths, names, masks)
    data = read_json(path) if path.exists() else None
    if data is None and wanted.out.exists() and (not wanted.out.is_dir() or any(wanted.out.iterdir())):
        raise InputError(f"{wanted.out}: is there already, and no import of videos; choose another --out")
    if data is not None and (not isinstance(data, dict) or data.get("format") != FORMAT):
        raise InputError(f"{path}: was not written by an import of videos; choose another --out")
    if data is not None and data.get("mark") == mark:
        return ImportState(path, data)
    if (wanted.out / "images").exists():
        raise InputError(
            f"{wanted.out}: holds an import of other videos, or with other options; choose another --out, or remove it"
        )
    state = ImportState(path, {"format": FORMAT, "version": VERSION, "mark": mark, "done": False})
    state.save(videos=[str(video) for video in paths])
    return state


def _mark(wanted: Wanted, paths: Sequence[Path], names: Sequence[str], masks: Sequence[Path]) -> str:
    """Changes whenever what is written would."""
    options = {one.name: str(getattr(wanted, one.name)) for one in fields(wanted) if one.name not in ("out", "videos")}
    digest = hashlib.sha256(repr((VERSION, sorted(options.items()), list(names))).encode())
    calibration = [path for path in calibration_files(wanted.calibration) if path.is_file()]
    offsets = [wanted.offsets] if isinstance(wanted.offsets, Path) else []
    for given in (paths, calibration, offsets, masks):
        digest.update(f"{len(given)} files".encode())
        for path in given:
            try:
                status = path.stat()
            except OSError as error:
                raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
            said = (path.parent.name, path.name, status.st_size, status.st_mtime_ns)
            digest.update(repr(said).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
