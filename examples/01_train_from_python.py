"""Train from Python: what the commands sample, train, bake and evaluate do, as functions.

    python examples/01_train_from_python.py --out out/01    # a minute
    python examples/01_train_from_python.py --out out/01_longer --steps 1500 --size 256 --frames 24

Nothing of `dymap.runs` prints: every function returns a small object that says what it made, and shows its progress in
the way that the caller wants. The run's folder `out/01/run` is the same as that of the commands, which go on with it:
`dymap view out/01/run`. For a capture of your own put its folder in place of the sample's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tyro

import dymap


@contextmanager
def lines(title: str) -> Iterator[dymap.runs.Update]:
    """Progress in plain lines: one when work begins, and one for every fiftieth thing that is done."""
    print(f"{title} ...")

    def update(done: int, total: int, note: str = "") -> None:
        if done % 50 == 0:
            print(f"  {done} of {total} {note}")

    yield update


def main(steps: int = 150, size: int = 128, frames: int = 4, out: Path = Path("out/01")) -> None:
    # A capture: 16 cameras around a dancer, with masks. Cameras 3 and 11 are kept out of training.
    sample = dymap.runs.sample(out / f"sample_{frames}x{size}", size=size, frames=frames)
    options = {"train.steps": steps, "capture.test_views": (3, 11), "capture.test_frame_step": max(1, frames // 2)}

    # From the capture to a trained field. The same call goes on if the run is there already.
    trained = dymap.runs.train(sample.folder, out / "run", preset="tiny", options=options, progress=lines)
    print(f"{trained.run}: {trained.done} of {trained.steps} steps")

    # From the field to one file that plays.
    baked = dymap.runs.bake(trained.run, half=True)
    print(f"{baked.path}: {baked.path.stat().st_size / 1e6:.1f} MB, {baked.occupied:.1%} of the voxels are occupied")

    # How close it comes to what cameras 3 and 11 filmed.
    evaluated = dymap.runs.evaluate(trained.run)
    for title, value in evaluated.means.items():
        print(f"{title}: {'not measured' if value is None else f'{value:.3f}'}")
    print(f"truth, prediction, error: {sorted(evaluated.folder.glob('*.png'))[0]}")


if __name__ == "__main__":
    tyro.cli(main)
