"""What the commands do, callable from Python: nothing is printed, every result is a small object.

trained = dymap.runs.train("my_capture", preset="small", options={"capture.test_views": (3, 11)})
baked = dymap.runs.bake(trained.run)
print(dymap.runs.evaluate(trained.run).means)
dymap.runs.film(trained.run, size=(1024, 1024), background="white")

`progress` shows what long work has done, see `bars`. Faults of the input raise InputError.
"""

from dymap.runs.baking import Baked, bake
from dymap.runs.bars import Bars, Update, no_bars
from dymap.runs.configuration import configure
from dymap.runs.demonstration import Demo, demo, quick_demo
from dymap.runs.evaluation import Evaluated, evaluate
from dymap.runs.facts import info
from dymap.runs.filming import Filmed, film
from dymap.runs.folder import RunFolder, RunRecord
from dymap.runs.importing import Imported, import_model
from dymap.runs.meshing import Meshed, mesh
from dymap.runs.sampling import Sampled, sample
from dymap.runs.training import train
from dymap.runs.training_process import Trained
from dymap.runs.viewing import Viewing, view

__all__ = [
    "Baked", "Bars", "Demo", "Evaluated", "Filmed", "Imported", "Meshed", "RunFolder", "RunRecord", "Sampled",
    "Trained", "Update", "Viewing", "bake", "configure", "demo", "evaluate", "film", "import_model", "info", "mesh",
    "no_bars", "quick_demo", "sample", "train", "view",
]  # fmt: skip
