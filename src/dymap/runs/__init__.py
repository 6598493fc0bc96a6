"""What the commands do, callable from Python: nothing is printed, every result is a small object.

trained = dymap.runs.train("my_capture", preset="small", options={"capture.test_views": (3, 11)})
baked = dymap.runs.bake(trained.run)
print(dymap.runs.evaluate(trained.run).means)
dymap.runs.film(trained.run, size=(1024, 1024), background="white")

`progress` shows what long work has done, see `bars`. Faults of the input raise InputError. Each name is imported when
it is first used: a command line that is only explained need not wait for torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dymap.runs.baking import Baked, bake
    from dymap.runs.bars import Bars, Update, no_bars
    from dymap.runs.beginning import first_configuration
    from dymap.runs.capture_checking import CheckedCapture, check_capture
    from dymap.runs.capture_convert import Converted, convert_capture
    from dymap.runs.capture_import import VideoImport, import_videos
    from dymap.runs.capture_masking import MadeMasks, make_masks
    from dymap.runs.cleaning import CacheEntry, cache_entries, cache_root, clean, strangers
    from dymap.runs.configuration import configure
    from dymap.runs.demonstration import Demo, demo, quick_demo
    from dymap.runs.evaluation import Evaluated, evaluate
    from dymap.runs.exporting import Exported, export
    from dymap.runs.facts import info
    from dymap.runs.filming import Filmed, Orbit, film
    from dymap.runs.folder import RunFolder, RunRecord
    from dymap.runs.importing import Imported, import_model
    from dymap.runs.meshing import Meshed, mesh
    from dymap.runs.notebook import Shown, show
    from dymap.runs.packing import Packed, pack
    from dymap.runs.playing import Playing, play
    from dymap.runs.sampling import Sampled, sample
    from dymap.runs.training import train
    from dymap.runs.training_process import Trained
    from dymap.runs.viewing import Viewing, view

_FILES = {
    "baking": ("Baked", "bake"),
    "bars": ("Bars", "Update", "no_bars"),
    "beginning": ("first_configuration",),
    "capture_checking": ("CheckedCapture", "check_capture"),
    "capture_convert": ("Converted", "convert_capture"),
    "capture_import": ("VideoImport", "import_videos"),
    "capture_masking": ("MadeMasks", "make_masks"),
    "cleaning": ("CacheEntry", "cache_entries", "cache_root", "clean", "strangers"),
    "configuration": ("configure",),
    "demonstration": ("Demo", "demo", "quick_demo"),
    "evaluation": ("Evaluated", "evaluate"),
    "exporting": ("Exported", "export"),
    "facts": ("info",),
    "filming": ("Filmed", "Orbit", "film"),
    "folder": ("RunFolder", "RunRecord"),
    "importing": ("Imported", "import_model"),
    "meshing": ("Meshed", "mesh"),
    "notebook": ("Shown", "show"),
    "packing": ("Packed", "pack"),
    "playing": ("Playing", "play"),
    "sampling": ("Sampled", "sample"),
    "training": ("train",),
    "training_process": ("Trained",),
    "viewing": ("Viewing", "view"),
}
"""Which file holds which names."""

__all__ = [
    "Baked", "Bars", "CacheEntry", "CheckedCapture", "Converted", "Demo", "Evaluated", "Exported", "Filmed", "Imported",
    "MadeMasks", "Meshed", "Orbit", "Packed", "Playing", "RunFolder", "RunRecord", "Sampled", "Shown", "Trained",
    "Update", "VideoImport", "Viewing", "bake", "cache_entries", "cache_root", "check_capture", "clean", "configure",
    "convert_capture", "demo", "evaluate", "export", "film", "first_configuration", "import_model", "import_videos",
    "info", "make_masks", "mesh", "no_bars", "pack", "play", "quick_demo", "sample", "show", "strangers", "train",
    "view",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import the file that holds the name."""
    for file, names in _FILES.items():
        if name in names:
            return getattr(importlib.import_module(f"dymap.runs.{file}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
