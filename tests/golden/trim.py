"""How the arrays beside this file were made from the full golden arrays: `python tests/golden/trim.py FOLDER`.

Values are kept to the bit, there are only fewer of them:

* point queries keep 128 of 2048 points a frame (the first 64 are the special ones: corners, faces, outside), and
  `net_counts`, how often each network was used, is counted again over those;
* a long array whose test computes all of it anyway keeps every `step`-th value in memory order, flattened, and says so
  in a companion `<name>@step`. Steps are primes, so that every axis is sampled;
* `fast_ones_ert8_*` is left out: it shows a bug of the published implementation;
* parameters are left out: `make_state.py` makes them from the recipe in *_state.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
MODELS = ("small", "small_mlp2", "small13")
POINTS = np.concatenate([np.arange(64), np.arange(64, 2048, 31)])
Arrays = dict[str, NDArray]


def read(path: Path) -> Arrays:
    with np.load(path) as file:
        return {key: file[key] for key in file.files}


def thinned(arrays: Arrays, steps: dict[str, int]) -> Arrays:
    """`arrays` with those whose name starts with a key of `steps` thinned, if they are long."""
    out: Arrays = {}
    for key, value in arrays.items():
        step = next((s for start, s in steps.items() if key.startswith(start)), 1)
        if step == 1 or value.size < 10 * step:
            out[key] = value
        else:
            out[key] = value.reshape(-1)[::step]
            out[f"{key}@step"] = np.array(step)
    return out


def points(arrays: Arrays) -> Arrays:
    frames, count = arrays["sigma"].shape
    kept = {key: value[:, POINTS] if value.shape[:2] == (frames, count) else value for key, value in arrays.items()}
    networks = arrays["net_counts"].shape[1]
    kept["net_counts"] = np.stack([np.bincount(i.reshape(-1), minlength=networks) for i in kept["mlp_net_idx"]])
    return thinned(kept, {"trip_kn": 23})


def fast(arrays: Arrays) -> Arrays:
    kept = {key: value for key, value in arrays.items() if not key.startswith("fast_ones_ert8")}
    return thinned(kept, {"occ_pts": 13})


def train(arrays: Arrays) -> Arrays:
    steps = {"grad/hashtable": 7, "grad/latent": 1, "grad/": 23, "gradsample/": 7, "after3sample/": 3}
    return thinned(arrays, steps)


def dataset(arrays: Arrays) -> Arrays:
    rays = ("ray_o", "ray_d", "rgb", "near", "far")
    items = ("zju_test1", "zju_test2", "zju_test3", "nhr_test3", "novel")
    names = [key for key in arrays if key.startswith(items) and key.rsplit("/")[-1] in rays]
    return thinned(arrays, dict.fromkeys(names, 5))


def geometry(arrays: Arrays) -> Arrays:
    return thinned(arrays, {"rays_": 13, "near_": 3, "far_": 3})


def trim(full: Path) -> None:
    files = {f"{model}_points": points for model in MODELS}
    files |= {f"{model}_fast": fast for model in ("small", "small13")}
    files |= {f"{model}_render": lambda arrays: thinned(arrays, {"raw_": 3}) for model in ("small", "small_mlp2")}
    files |= {"small_train": train, "dataset": dataset, "geometry": geometry, "metrics": dict}
    for name, function in files.items():
        np.savez_compressed(HERE / f"{name}.npz", **function(read(full / f"{name}.npz")))
    for name in (*(f"{model}_state" for model in MODELS), "small_checkpoints"):
        (HERE / f"{name}.json").write_text(json.dumps(json.loads((full / f"{name}.json").read_text())) + "\n")


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
